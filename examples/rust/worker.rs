// A worker in Rust, by coproc's C API (include/coproc/c.h), with nothing but Rust's standard library.
//
// It counts words: each message is a text, and its reply says how many words it has, and how many all texts had so far.
// A text without words is answered by an error. examples/rust/host.cpp is a host of it in C++; one in Python is
//
//   with coproc.ProgramResource("worker") as worker:
//       print(worker.messenger.receive_reply(worker.messenger.send_request("two words")))
//
// To build it, with an installed coproc (-lstdc++ and -lm for a static one):
//
//   rustc worker.rs -L native=$(pkg-config --variable=libdir coproc) -l coproc -l stdc++ -l m
//
// The declarations below are those that this worker needs. coproc/c.h says what each of them does, and promises that
// they stay as they are.
use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;

#[repr(C)]
struct Host {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Message {
    _opaque: [u8; 0],
}

type Status = i32;
const OK: Status = 0;
const CLOSE_REQUESTED: Status = 2;
const END_OF_MESSAGES: Status = 3;
const NOTHING: i32 = 0;
const TEXT: i32 = 1;
const FOREVER: i64 = -1;

extern "C" {
    fn coproc_run_worker(
        target: extern "C" fn(*mut Host, *mut c_void) -> c_int,
        context: *mut c_void,
        argument: i32,
        exit_code: *mut c_int,
    ) -> Status;
    fn coproc_receive(host: *mut Host, channel: *const c_void, timeout_ms: i64, message: *mut *mut Message) -> Status;
    fn coproc_message_text(message: *mut Message, text: *mut *const c_char, size: *mut usize) -> Status;
    fn coproc_message_free(message: *mut Message);
    fn coproc_reply(
        host: *mut Host,
        request: *const Message,
        kind: i32,
        data: *const c_void,
        size: usize,
        options: *const c_void,
    ) -> Status;
    fn coproc_reply_error(
        host: *mut Host,
        request: *const Message,
        text: *const c_char,
        options: *const c_void,
    ) -> Status;
    fn coproc_fail(host: *mut Host, text: *const c_char) -> Status;
    fn coproc_last_error() -> *const c_char;
}

/// A message that is freed when it goes out of scope.
struct Received(*mut Message);

impl Received {
    fn text(&self) -> Option<String> {
        let (mut text, mut size) = (ptr::null(), 0);
        if unsafe { coproc_message_text(self.0, &mut text, &mut size) } != OK {
            return None;
        }
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), size) };
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        unsafe { coproc_message_free(self.0) }
    }
}

/// The target: C calls it, so no panic may leave it (this program is built with panic=abort).
extern "C" fn count_words(host: *mut Host, _context: *mut c_void) -> c_int {
    let mut total = 0;
    loop {
        let mut message = ptr::null_mut();
        match unsafe { coproc_receive(host, ptr::null(), FOREVER, &mut message) } {
            OK => {}
            CLOSE_REQUESTED | END_OF_MESSAGES => return 0,
            _ => {
                unsafe { coproc_fail(host, coproc_last_error()) };
                return 1;
            }
        }
        let message = Received(message);
        let words = message.text().map_or(0, |text| text.split_whitespace().count());
        total += words;
        let status = if words == 0 {
            let why = CStr::from_bytes_with_nul(b"there are no words in this\0").unwrap();
            unsafe { coproc_reply_error(host, message.0, why.as_ptr(), ptr::null()) }
        } else {
            let reply = format!("{} words, {} so far", words, total);
            unsafe { coproc_reply(host, message.0, TEXT, reply.as_ptr().cast(), reply.len(), ptr::null()) }
        };
        if status != OK {
            unsafe { coproc_fail(host, coproc_last_error()) };
            return 1;
        }
    }
}

fn main() {
    let mut code = 1;
    if unsafe { coproc_run_worker(count_words, ptr::null_mut(), NOTHING, &mut code) } != OK {
        eprintln!("{}", unsafe { CStr::from_ptr(coproc_last_error()) }.to_string_lossy());
    }
    std::process::exit(code);
}
