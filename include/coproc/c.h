// Workers in C, and in any language that can call C: a program that calls coproc_run_worker is a worker, which a host
// in C++ starts as a coproc::Executable, and one in Python as a ProgramResource (docs/other-languages.md).
//
//   static int echo(coproc_host* host, void* context) {
//     coproc_message* message;
//     (void)context;
//     while (coproc_receive(host, NULL, COPROC_FOREVER, &message) == COPROC_OK) {
//       const void* data;
//       size_t size;
//       if (coproc_message_data(message, &data, &size) == COPROC_OK)
//         coproc_reply(host, message, coproc_message_kind(message), data, size, NULL);
//       coproc_message_free(message);
//     }
//     return 0;
//   }
//   int main(void) {
//     int code = 1;
//     if (coproc_run_worker(&echo, NULL, COPROC_NOTHING, &code) != COPROC_OK)
//       fprintf(stderr, "%s\n", coproc_last_error());
//     return code;
//   }
//
// This file is C99 and C++, and includes nothing of coproc. It needs the shared library, or the static one and the
// C++ standard library (`pkg-config --static --libs coproc`).
//
// Statuses: each function that can fail returns a coproc_status, and COPROC_OK is 0. What a function gives by pointers
// is set only if it returns COPROC_OK. coproc_last_error has the words for the failure. No C++ exception leaves a
// function.
//
// Stability: numbers of statuses and kinds, signatures, and the meaning of each function stay as they are. New
// statuses, kinds, functions, and members at the end of coproc_send_options may be added. Handles are pointers to
// structures that only the library knows.
//
// Thread safety: a coproc_host may be used by one thread at a time; a second one gets COPROC_CONCURRENT_USE. Any thread
// may call coproc_interrupt and coproc_close_requested meanwhile. A coproc_message belongs to one thread at a time, and
// may outlive the target. A coproc_channel is constant after it was made, and any threads may use it.
#ifndef COPROC_C_H
#define COPROC_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPROC_C_API __attribute__((visibility("default")))

// ---- statuses ----

// One of the values below. Programs must expect values that are not listed here yet.
typedef int32_t coproc_status;
enum {
  COPROC_OK = 0,
  // The time that was given is over. A send has sent nothing.
  COPROC_TIMED_OUT = 1,
  // The host asks this worker to end: return from the target. The next receive returns this once, and after that every
  // wait that would sleep does. Calls that do not have to wait still receive what is queued.
  COPROC_CLOSE_REQUESTED = 2,
  // The host will send nothing more, and all that it had sent was received: return from the target.
  COPROC_END_OF_MESSAGES = 3,
  // The host is gone: return from the target.
  COPROC_HOST_DIED = 4,
  // coproc_interrupt has ended the wait.
  COPROC_INTERRUPTED = 5,
  // An argument cannot work. The text says which one.
  COPROC_INVALID_ARGUMENT = 6,
  // No host has started this program, or coproc_run_worker was called before.
  COPROC_NOT_A_WORKER = 7,
  // The payload is larger than the LinkOptions of the host allow. Nothing was sent.
  COPROC_MESSAGE_TOO_LARGE = 8,
  // The inboxes of both sides are full, or this inbox is full of messages of other channels.
  COPROC_QUEUE_FULL = 9,
  // The message does not hold what was asked for.
  COPROC_WRONG_KIND = 10,
  // The message is no request, or was answered already; or no request with this id waits for a reply.
  COPROC_NO_REQUEST = 11,
  // The host sent an error, which this receive has taken. The text is that of the error. The worker may go on.
  COPROC_REMOTE_ERROR = 12,
  // The bytes of a message do not make a value of its kind.
  COPROC_DECODE_ERROR = 13,
  // The host broke the rules of the link, which is not used any more.
  COPROC_PROTOCOL_ERROR = 14,
  // Another thread uses this coproc_host.
  COPROC_CONCURRENT_USE = 15,
  // This process was forked from the worker.
  COPROC_NOT_OWNER = 16,
  // The system has no descriptors or address space left. The text says which limit to raise.
  COPROC_SYSTEM_LIMIT = 17,
  // There is no memory.
  COPROC_NO_MEMORY = 18,
  // A send after coproc_send_end.
  COPROC_LINK_CLOSED = 19,
  // Something else. The text says what.
  COPROC_FAILED = 20
};

// Returns the name of a status, such as "COPROC_TIMED_OUT", or "unknown status". The text is constant.
COPROC_C_API const char* coproc_status_name(coproc_status status);

// Returns the text of the last call that failed in this thread: what happened, to whom, and what to do. It is empty if
// none has failed yet. It stays valid until the next call in this thread that fails.
COPROC_C_API const char* coproc_last_error(void);

// Returns the version of the library, such as "0.1.0". The text is constant.
COPROC_C_API const char* coproc_version(void);

// ---- kinds of payloads ----

// What a payload is for the other side. One of the values below; programs must expect values that are not listed here
// yet.
typedef int32_t coproc_kind;
enum {
  // No start argument. Not a kind of message.
  COPROC_NOTHING = 0,
  // Text: a std::string in C++, a str in Python (which wants UTF-8). It may contain NULs.
  COPROC_TEXT = 1,
  // Bytes: a std::vector<std::byte> in C++, a bytes in Python. Vectors of unsigned char and char, and a SharedBuffer of
  // bytes, are received as bytes, too.
  COPROC_BYTES = 2,
  // One value as MessagePack: a coproc::Msgpack in C++, any value that MessagePack has in Python. All that a host in
  // Python sends is of this kind.
  COPROC_MSGPACK = 3,
  // Received only: another C++ type, which coproc_message_type_name names. The data is its encoding: numbers are
  // little-endian in their own size, and lengths 64-bit numbers before the elements.
  COPROC_OTHER = 4,
  // Received only: the reply to a request is an error. The data is its text.
  COPROC_ERROR = 5
};

// ---- the worker ----

// The link to the host. It is valid until the target returns.
typedef struct coproc_host coproc_host;

// What the worker does. Returns the exit code of the worker, from 0 to 255.
typedef int (*coproc_target)(coproc_host* host, void* context);

// Returns 1 if a host has started this program and coproc_run_worker was not called yet, and otherwise 0; always 0 in a
// program that is linked with -static, where only coproc_run_worker finds out.
COPROC_C_API int coproc_is_worker(void);

// Runs the target as the worker of the host that has started this program. Call it once, in the first thread. Blocks
// until the target has returned.
//   target: is called with `context`; must not be null
//   argument: the kind of the argument of the host's `start`: COPROC_NOTHING, if it has none, COPROC_TEXT, COPROC_BYTES
//     (a std::vector<std::byte>) or COPROC_MSGPACK (in Python, a dict of the keyword arguments). If the host gives
//     another one, its start fails, and this function returns COPROC_OK with the code 1.
//   exit_code: gets the exit code, which main should return; must not be null
COPROC_C_API coproc_status coproc_run_worker(coproc_target target, void* context, coproc_kind argument, int* exit_code);

// Gives the argument of the host's start. Its bytes are valid until the target returns. For COPROC_NOTHING, the size is
// 0. `host`, `data` and `size` must not be null.
COPROC_C_API coproc_status coproc_start_argument(coproc_host* host, const void** data, size_t* size);

// Notes that the worker has failed. When the target returns, whatever it returns, the exit code is 1, and the host's
// next receive throws a std::runtime_error (in Python a RuntimeError) with this text, which is also in the ExitStatus.
// A second call replaces the text.
//   text: is copied; must not be null
COPROC_C_API coproc_status coproc_fail(coproc_host* host, const char* text);

// Returns 1 if the host has asked this worker to close, and otherwise 0. Never waits. Any thread may call it while the
// target runs.
COPROC_C_API int coproc_close_requested(const coproc_host* host);

// Makes the present wait, or else the next one, return COPROC_INTERRUPTED. Any thread may call it while the target
// runs.
COPROC_C_API coproc_status coproc_interrupt(coproc_host* host);

// Gives a descriptor for poll, epoll and the like, which is readable while something can be received or the host is
// gone. It may be readable when nothing is there: receive with a time of 0. The library keeps owning it: do not read
// from it, and do not close it.
COPROC_C_API coproc_status coproc_native_handle(coproc_host* host, int* fd);

// ---- channels ----

// The name of a channel: an independent stream of messages. NULL stands for the default channel wherever a channel is
// given.
typedef struct coproc_channel coproc_channel;

// Makes the name that is this text, or this number. The same name in C++ is ChannelId("text") or ChannelId(7), in
// Python "text" or 7.
//   text: `size` bytes, which are copied; at most 4096
//   channel: gets the name, which the caller frees; must not be null
COPROC_C_API coproc_status coproc_channel_of_text(const char* text, size_t size, coproc_channel** channel);
COPROC_C_API coproc_status coproc_channel_of_number(int64_t number, coproc_channel** channel);

// Returns the name as error texts show it: "default", "3", "\"warnings\"". The text belongs to the channel.
COPROC_C_API const char* coproc_channel_description(const coproc_channel* channel);

// Frees a name that one of the first two functions has made. NULL is allowed. Do not free the channel of a message.
COPROC_C_API void coproc_channel_free(coproc_channel* channel);

// ---- sending ----

// A time for ever, in milliseconds. So is every negative time.
#define COPROC_FOREVER INT64_C(-1)

// Options of a send. Initialise them by COPROC_SEND_OPTIONS_INIT, so that a newer library knows which members there
// are.
typedef struct coproc_send_options {
  size_t struct_size;             // sizeof(coproc_send_options)
  const coproc_channel* channel;  // NULL: the default channel
  int64_t timeout_ms;             // how long the send may wait for space; negative: for ever; 0: it does not wait
  double priority;                // lower ones are received first; not NaN
  int32_t has_priority;           // 0: no priority, which comes before all others
  int32_t reserved;               // 0
} coproc_send_options;
#define COPROC_SEND_OPTIONS_INIT \
  { sizeof(coproc_send_options), NULL, COPROC_FOREVER, 0.0, 0, 0 }

// In all functions below:
//   host: must not be null
//   kind: COPROC_TEXT, COPROC_BYTES or COPROC_MSGPACK
//   data: `size` bytes, which are copied; may be null if `size` is 0. MessagePack is not checked: a host that gets
//     bytes which make no value gets an error.
//   options: NULL stands for the default channel, no priority, and a wait for ever
// A send returns when the host can see the message. While it waits for space it takes in messages, so that two sides
// that only send do not block each other. A send that fails has sent nothing.

// Sends a message that expects no reply.
COPROC_C_API coproc_status coproc_send(coproc_host* host, coproc_kind kind, const void* data, size_t size,
                                       const coproc_send_options* options);

// Sends a message that expects a reply of the host.
//   id: gets the number of the request, for coproc_receive_reply; must not be null
COPROC_C_API coproc_status coproc_send_request(coproc_host* host, coproc_kind kind, const void* data, size_t size,
                                               const coproc_send_options* options, uint64_t* id);

// A message that was received.
typedef struct coproc_message coproc_message;

// Answers a request, once, on its channel: options->channel must be NULL. Returns COPROC_NO_REQUEST if the message is
// no request, or was answered already. The message stays the caller's.
COPROC_C_API coproc_status coproc_reply(coproc_host* host, const coproc_message* request, coproc_kind kind,
                                        const void* data, size_t size, const coproc_send_options* options);

// Answers a request by an error: the receive of the reply throws a std::runtime_error (in Python a RuntimeError) with
// this text, which must not be null. Otherwise as coproc_reply.
COPROC_C_API coproc_status coproc_reply_error(coproc_host* host, const coproc_message* request, const char* text,
                                              const coproc_send_options* options);

// Sends an error that answers no request: the host's next receive throws it. options->channel must be NULL, since an
// error belongs to no channel.
COPROC_C_API coproc_status coproc_send_error(coproc_host* host, const char* text, const coproc_send_options* options);

// Asks the host to end this worker: its next receive throws WorkerRequestedClose. Never waits.
COPROC_C_API coproc_status coproc_send_close_request(coproc_host* host);

// Announces that nothing more will be sent. Later sends return COPROC_LINK_CLOSED; receives go on. Waits for space like
// a send.
COPROC_C_API coproc_status coproc_send_end(coproc_host* host, int64_t timeout_ms);

// ---- receiving ----

// Waits for a message of this channel and gives the first one in the order of the link.
//   channel: NULL stands for the default channel
//   timeout_ms: the longest wait in milliseconds; negative: for ever; 0: does not wait
//   message: gets the message, which the caller frees; must not be null
// Returns COPROC_TIMED_OUT, COPROC_CLOSE_REQUESTED, COPROC_END_OF_MESSAGES, COPROC_HOST_DIED, COPROC_INTERRUPTED,
// COPROC_REMOTE_ERROR and others. Nothing that was received is lost by a failure.
COPROC_C_API coproc_status coproc_receive(coproc_host* host, const coproc_channel* channel, int64_t timeout_ms,
                                          coproc_message** message);

// The same for the reply to a request; other messages stay queued. Returns COPROC_NO_REQUEST if none with this id waits
// for a reply. If the host answers by an error, the message is of the kind COPROC_ERROR.
COPROC_C_API coproc_status coproc_receive_reply(coproc_host* host, uint64_t id, int64_t timeout_ms,
                                                coproc_message** message);

// Gives up the reply to a request: it is dropped, now or when it comes.
COPROC_C_API coproc_status coproc_discard_reply(coproc_host* host, uint64_t id);

// Returns the kind of a message; COPROC_NOTHING for NULL.
COPROC_C_API coproc_kind coproc_message_kind(const coproc_message* message);

// Gives the bytes of a message, as its kind says. They belong to the message, and are valid until it is freed. Behind
// them is a NUL, which is not counted.
//   data, size: must not be null
// Returns COPROC_WRONG_KIND if the message is of the kind COPROC_OTHER and was sent with lent memory.
COPROC_C_API coproc_status coproc_message_data(coproc_message* message, const void** data, size_t* size);

// The same for text, whatever language has sent it: gives the data of COPROC_TEXT and COPROC_BYTES, and the contents of
// a COPROC_MSGPACK that is one str or bin. Returns COPROC_WRONG_KIND for any other message.
COPROC_C_API coproc_status coproc_message_text(coproc_message* message, const char** text, size_t* size);

// Returns the name of the type in the host's program, for people to read; "" for NULL. It belongs to the message.
COPROC_C_API const char* coproc_message_type_name(const coproc_message* message);

// Gives the channel of a message, which belongs to the message.
COPROC_C_API coproc_status coproc_message_channel(coproc_message* message, const coproc_channel** channel);

// Returns the priority of a message: minus infinity if it has none, and for NULL.
COPROC_C_API double coproc_message_priority(const coproc_message* message);

// Returns the number of a request or reply; 0 for other messages, and for NULL.
COPROC_C_API uint64_t coproc_message_request_id(const coproc_message* message);

// Returns 1 if the host expects a reply to this message, and otherwise 0; or 1 if it is a reply to a request of this
// worker, and otherwise 0.
COPROC_C_API int coproc_message_is_request(const coproc_message* message);
COPROC_C_API int coproc_message_is_reply(const coproc_message* message);

// Frees a message. NULL is allowed. A request that was not answered stays without an answer.
COPROC_C_API void coproc_message_free(coproc_message* message);

#ifdef __cplusplus
}
#endif

#endif
