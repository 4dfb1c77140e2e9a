#include "pickling.hpp"

#include <coproc/errors.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include "memory.hpp"
#include "packed.hpp"
#include "plain.hpp"

namespace coproc_python {

namespace {

/// A buffer of at least this many bytes travels beside the pickle.
constexpr Py_ssize_t kLeastLarge = 64 << 10;
/// A pickler that has written more than this is not reused, since its memo keeps the size to which it has grown.
constexpr std::size_t kMostReused = 64 << 10;

/// The names that are used of Python's modules. Never destroyed: the interpreter may be gone by then.
struct Names {
  py::object pickler = py::module_::import("pickle").attr("Pickler");
  py::object loads = py::module_::import("pickle").attr("loads");
  py::object unpickler = py::module_::import("pickle").attr("Unpickler");
  py::object picklable_error = py::module_::import("coproc.pickling").attr("UNPICKLABLE");
  py::object patient_pickler = py::module_::import("coproc.pickling").attr("patient_pickler");
  py::object describe_view = py::module_::import("coproc.pickling").attr("describe_view");
  py::object view_of = py::module_::import("coproc.pickling").attr("view_of");
  py::object clear_memo = py::str("clear_memo");
  py::object dump = py::str("dump");
};
const Names* names = nullptr;

void check(const void* result) {
  if (result == nullptr) throw py::error_already_set();
}

py::object view_of_bytes(const void* data, std::size_t size) {
  auto* const bytes = static_cast<char*>(const_cast<void*>(data));
  return py::reinterpret_steal<py::object>(PyMemoryView_FromMemory(bytes, static_cast<Py_ssize_t>(size), PyBUF_READ));
}

}  // namespace

/// The file that a pickler writes to. It is reused together with its pickler, since making a pickler takes time.
class PickleSink {
 public:
  PickleSink() {
    static PyMethodDef write_method = {"write", &write, METH_O, nullptr};
    static PyMethodDef buffer_method = {"buffer", &take_buffer, METH_O, nullptr};
    const auto self = py::capsule(this, [](void*) {});
    write_ = py::reinterpret_steal<py::object>(PyCFunction_New(&write_method, self.ptr()));
    buffer_ = py::reinterpret_steal<py::object>(PyCFunction_New(&buffer_method, self.ptr()));
    file_ = py::module_::import("types").attr("SimpleNamespace")(py::arg("write") = write_);
  }
  PickleSink(const PickleSink&) = delete;
  PickleSink& operator=(const PickleSink&) = delete;

  /// Throws the exceptions of the pickler. Then nothing is kept, and the pickler is not used again.
  void dump(py::handle object, Pickled& out) {
    if (!pickler_) pickler_ = names->pickler(file_, 5, py::arg("buffer_callback") = buffer_);
    run(pickler_, object, out);
    if (out.size_ > kMostReused) {
      pickler_ = py::object();
    } else {
      check(PyObject_CallMethodNoArgs(pickler_.ptr(), names->clear_memo.ptr()));
      Py_DECREF(Py_None);
    }
  }
  void dump_patiently(py::handle object, Pickled& out, const MainNames& main_names) {
    run(names->patient_pickler(file_, buffer_, main_names.object()), object, out);
  }

  bool is_free() const noexcept { return out_ == nullptr; }
  void forget_pickler() { pickler_ = py::object(); }

 private:
  void run(const py::object& pickler, py::handle object, Pickled& out) {
    out_ = &out;
    PyObject* const none = PyObject_CallMethodOneArg(pickler.ptr(), names->dump.ptr(), object.ptr());
    out_ = nullptr;
    check(none);
    Py_DECREF(none);
  }
  static Pickled* out_of(PyObject* self) { return static_cast<PickleSink*>(PyCapsule_GetPointer(self, nullptr))->out_; }
  static PyObject* write(PyObject* self, PyObject* bytes) {
    try {
      out_of(self)->hold(bytes, out_of(self)->value_.out_parts);
      Py_RETURN_NONE;
    } catch (py::error_already_set& error) {
      error.restore();
      return nullptr;
    }
  }
  /// Returns True if the pickler should copy the buffer into the pickle.
  static PyObject* take_buffer(PyObject* self, PyObject* buffer) {
    try {
      const py::memoryview view{py::handle(buffer).cast<py::object>()};
      const Py_buffer& raw = *PyMemoryView_GET_BUFFER(view.ptr());
      if (raw.len < kLeastLarge || !PyBuffer_IsContiguous(&raw, 'A')) Py_RETURN_TRUE;
      out_of(self)->hold(buffer, out_of(self)->value_.out_buffers);
      Py_RETURN_FALSE;
    } catch (py::error_already_set& error) {
      error.restore();
      return nullptr;
    }
  }

  Pickled* out_ = nullptr;
  py::object write_, buffer_, file_, pickler_;
};

namespace {

PickleSink& usual_sink() {
  static auto* const sink = new PickleSink;
  return *sink;
}

}  // namespace

Pickled::Pickled(py::handle object, const MainNames& main_names) {
  try {
    if (encode_plain(object, plain_, main_names)) {
      value_.kind = Kind::plain;
      value_.head = {plain_.data(), size_ = plain_.size()};
    } else if (!take_whole(object)) {
      pickle(object, main_names);
    }
  } catch (...) {
    for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
    throw;
  }
}

Pickled::~Pickled() {
  for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
}

/// A large object that consists of bytes only needs no pickle around it.
bool Pickled::take_whole(py::handle object) {
  PyObject* const raw = object.ptr();
  if (PyBytes_CheckExact(raw)) {
    if (PyBytes_GET_SIZE(raw) < kLeastLarge) return false;
    value_.kind = Kind::bytes;
  } else if (PyByteArray_CheckExact(raw)) {
    if (PyByteArray_GET_SIZE(raw) < kLeastLarge) return false;
    value_.kind = Kind::bytearray;
  } else if (PyMemoryView_Check(raw) && PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(raw), 'C')) {
    value_.kind = Kind::memoryview;
    kept_.push_back(names->describe_view(object));
    value_.head = {PyBytes_AS_STRING(kept_.back().ptr()),
                   static_cast<std::size_t>(PyBytes_GET_SIZE(kept_.back().ptr()))};
  } else {
    return false;
  }
  hold(object, value_.out_buffers);
  return true;
}

void Pickled::pickle(py::handle object, const MainNames& main_names) {
  // The object's own methods may send another message while it is pickled.
  PickleSink& usual = usual_sink();
  const bool is_usual = usual.is_free();
  const auto own = is_usual ? nullptr : std::make_unique<PickleSink>();
  PickleSink& sink = is_usual ? usual : *own;
  bool is_patient = false;
  try {
    sink.dump(object, *this);
    is_patient = main_names.number() != 0 && mentions_main() && !main_names.is_complete();
  } catch (py::error_already_set& error) {
    sink.forget_pickler();
    if (!error.matches(names->picklable_error)) throw;
    is_patient = true;
  }
  if (is_patient) {
    clear();
    sink.dump_patiently(object, *this, main_names);
  }
  if (value_.out_parts.size() == 1 && value_.out_parts[0].size < static_cast<std::size_t>(kLeastLarge)) {
    value_.head = value_.out_parts[0];
    value_.out_parts.clear();
  }
}

void Pickled::clear() {
  for (Py_buffer& buffer : buffers_) PyBuffer_Release(&buffer);
  buffers_.clear();
  kept_.clear();
  value_ = Value();
  size_ = 0;
}

/// Searches only the pickler's own pieces, where names are: large texts and bytes are pieces of their own.
bool Pickled::mentions_main() const {
  constexpr std::string_view name = "__main__";
  const auto& parts = value_.out_parts;
  return std::any_of(parts.begin(), parts.end(), [&](const Piece& part) {
    return std::string_view(static_cast<const char*>(part.data), part.size).find(name) != std::string_view::npos;
  });
}

void Pickled::hold(py::handle object, std::vector<Piece>& into) {
  Piece held;
  if (PyBytes_CheckExact(object.ptr())) {
    kept_.push_back(py::reinterpret_borrow<py::object>(object));
    held = {PyBytes_AS_STRING(object.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(object.ptr()))};
  } else {
    // Any contiguous layout will do, since the pickle describes it.
    Py_buffer buffer;
    if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_ANY_CONTIGUOUS) != 0) throw py::error_already_set();
    buffers_.push_back(buffer);
    held = {buffer.buf, static_cast<std::size_t>(buffer.len)};
    held.shared = lendable_at(held.data, held.size);
  }
  size_ += held.size;
  into.push_back(held);
}

py::object unpack_only(Value&& value) {
  if (value.kind != Kind::packed) {
    throw coproc::DecodeError(
        "the worker is in a sandbox and has sent a pickle, which could run any code in this process: nothing of it was "
        "unpickled. Its answers are MessagePack: numbers, text, bytes, lists, dicts, dataclasses, arrays. If you trust "
        "what runs in it nevertheless, say trust_pickle=True");
  }
  if (value.in_buffers.empty())
    return unpacked(reinterpret_cast<const std::byte*>(value.in_head.data()), value.in_head.size());
  return unpacked(value.in_buffers[0].data(), value.in_buffers[0].size());
}

py::object unpickle(Value&& value) {
  if (value.kind == Kind::packed) return unpack_only(std::move(value));
  if (value.kind == Kind::plain) return decode_plain(value.in_head);
  if (value.kind == Kind::bytes || value.kind == Kind::bytearray) {
    const Memory& memory = value.in_buffers[0];
    const auto* const data = reinterpret_cast<const char*>(memory.data());
    const auto size = static_cast<Py_ssize_t>(memory.size());
    auto object = py::reinterpret_steal<py::object>(
        value.kind == Kind::bytes ? PyBytes_FromStringAndSize(data, size) : PyByteArray_FromStringAndSize(data, size));
    check(object.ptr());
    return object;
  }
  if (value.kind == Kind::memoryview) {
    return names->view_of(as_buffer(std::move(value.in_buffers[0])), py::bytes(value.in_head));
  }
  py::list buffers;
  for (Memory& buffer : value.in_buffers) buffers.append(as_buffer(std::move(buffer)));
  if (value.in_parts.empty()) {
    const py::object bytes = view_of_bytes(value.in_head.data(), value.in_head.size());
    if (buffers.empty()) return names->loads(bytes);
    return names->loads(bytes, py::arg("buffers") = buffers);
  }
  std::vector<Piece> pieces;
  for (const Memory& part : value.in_parts) pieces.push_back({part.data(), part.size()});
  return names->unpickler(reader_of(std::move(pieces)), py::arg("buffers") = buffers).attr("load")();
}

void bind_pickling(py::module_&) { names = new Names; }

}  // namespace coproc_python
