#include "outbox.hpp"

#include <pybind11/stl.h>
#include <coproc/errors.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "plain.hpp"

namespace coproc_python {

namespace {

constexpr std::chrono::milliseconds kAWhile(1);

/// Before each result.
using Size = std::uint32_t;

// Each word has one writer.
void store(std::uint64_t& word, std::uint64_t value) noexcept {
  std::atomic_ref(word).store(value, std::memory_order_release);
}
std::uint64_t load(std::uint64_t& word) noexcept { return std::atomic_ref(word).load(std::memory_order_acquire); }

}  // namespace

struct Outbox::Header {
  std::uint64_t begun, busy_nanoseconds, put, loads;  // written by the worker
  std::uint64_t taken, skip_before;                   // written by the host
};

Outbox::Outbox(const py::buffer& memory, bool is_new) : memory_(memory.request(true)) {
  if (static_cast<std::size_t>(memory_.size * memory_.itemsize) <= sizeof(Header))
    throw coproc::InvalidArgumentError("an outbox takes more memory than its header");
  if (is_new) header() = {};
}

std::byte* Outbox::bytes() const noexcept { return static_cast<std::byte*>(memory_.ptr) + sizeof(Header); }
std::size_t Outbox::capacity() const noexcept {
  return static_cast<std::size_t>(memory_.size * memory_.itemsize) - sizeof(Header);
}

void Outbox::copy_in(std::uint64_t position, const void* from, std::size_t size) noexcept {
  const std::size_t at = position % capacity();
  const std::size_t before_end = std::min(size, capacity() - at);
  std::memcpy(bytes() + at, from, before_end);
  std::memcpy(bytes(), static_cast<const std::byte*>(from) + before_end, size - before_end);
}

std::string Outbox::copy_out(std::uint64_t first, std::uint64_t end) const {
  const std::size_t at = first % capacity();
  const std::size_t size = end - first;
  const std::size_t before_end = std::min(size, capacity() - at);
  std::string out(reinterpret_cast<const char*>(bytes()) + at, before_end);
  out.append(reinterpret_cast<const char*>(bytes()), size - before_end);
  return out;
}

// ---- of the worker's ----

bool Outbox::begin_task() noexcept {
  const std::uint64_t begun = header().begun;
  store(header().begun, begun + 1);
  return begun >= load(header().skip_before);
}
void Outbox::begin_load() noexcept { store(header().loads, header().loads + 1); }
void Outbox::add_busy(std::uint64_t nanoseconds) noexcept {
  store(header().busy_nanoseconds, header().busy_nanoseconds + nanoseconds);
}

Outbox::Put Outbox::put(py::handle result) {
  encoded_.assign(sizeof(Size), '\0');
  if (!encode_plain(result, encoded_)) return Put::no;
  const std::size_t room = capacity() - (position_ - load(header().taken));
  if (encoded_.size() > room) return Put::no;
  const auto size = static_cast<Size>(encoded_.size() - sizeof(Size));
  std::memcpy(encoded_.data(), &size, sizeof size);
  copy_in(position_, encoded_.data(), encoded_.size());
  position_ += encoded_.size();
  store(header().put, position_);
  const auto now = std::chrono::steady_clock::now();
  if (unsaid_++ == 0) first_unsaid_ = now;
  return now - first_unsaid_ > kAWhile ? Put::due : Put::yes;
}

std::size_t Outbox::take_unsaid() noexcept { return std::exchange(unsaid_, 0); }

// ---- of the host's ----

std::uint64_t Outbox::begun() const noexcept { return load(header().begun); }
std::uint64_t Outbox::loads() const noexcept { return load(header().loads); }
void Outbox::skip_before(std::uint64_t count) noexcept { store(header().skip_before, count); }
std::uint64_t Outbox::busy_nanoseconds() const noexcept { return load(header().busy_nanoseconds); }

std::uint64_t Outbox::end() const noexcept { return load(header().put); }

py::list Outbox::take(std::size_t count, const py::function& failed) { return take_of(end(), count, failed); }
py::list Outbox::take_until(std::uint64_t end, const py::function& failed) {
  return take_of(end, std::nullopt, failed);
}

py::list Outbox::take_of(std::uint64_t end, std::optional<std::size_t> count, const py::function& failed) {
  if (end - position_ > capacity())
    throw coproc::ProtocolError("a pool's worker says that it has put more than there is room for");
  // A copy: nothing of it changes while it is looked at.
  const std::string copy = copy_out(position_, end);
  std::string_view rest = copy;
  py::list results;
  while (count ? results.size() < *count : !rest.empty()) {
    Size size = 0;
    if (rest.size() < sizeof size) throw coproc::ProtocolError("a pool's worker has put fewer results than it says");
    std::memcpy(&size, rest.data(), sizeof size);
    rest.remove_prefix(sizeof size);
    if (rest.size() < size) throw coproc::ProtocolError("a pool's worker has put half a result");
    try {
      results.append(decode_plain(rest.substr(0, size)));
    } catch (const coproc::DecodeError&) {
      throw coproc::ProtocolError("a pool's worker has put what is no result");
    } catch (py::error_already_set& error) {
      if (error.matches(PyExc_KeyboardInterrupt)) throw;
      results.append(failed(error.value()));
    }
    rest.remove_prefix(size);
  }
  position_ = end - rest.size();
  store(header().taken, position_);
  return results;
}

namespace {

// What a worker does for each task, as functions of the interpreter's own: a bound method takes as long as the rest of
// a small task.

Outbox& outbox_of(PyObject* capsule) { return *static_cast<Outbox*>(PyCapsule_GetPointer(capsule, nullptr)); }

PyObject* begin_task(PyObject* self, PyObject*) { return PyBool_FromLong(outbox_of(self).begin_task()); }

PyObject* put(PyObject* self, PyObject* result) {
  try {
    const Outbox::Put put = outbox_of(self).put(result);
    if (put == Outbox::Put::no) Py_RETURN_NONE;
    return PyBool_FromLong(put == Outbox::Put::due);
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

py::object function_of(Outbox& outbox, PyMethodDef& method) {
  const auto self = py::capsule(&outbox, [](void*) {});
  return py::reinterpret_steal<py::object>(PyCFunction_New(&method, self.ptr()));
}

}  // namespace

void bind_outbox(py::module_& module) {
  static PyMethodDef begin_task_method = {"begin_task", &begin_task, METH_NOARGS, "Whether anybody wants its result."};
  static PyMethodDef put_method = {"put", &put, METH_O,
                                   "None: not taken. Else whether results have waited for a while."};
  const auto getter = [](PyMethodDef& method) {
    return py::cpp_function([&method](Outbox& outbox) { return function_of(outbox, method); }, py::keep_alive<0, 1>());
  };
  py::class_<Outbox>(module, "Outbox", "Results of small tasks, in memory that a pool's worker shares with its host.")
      .def(py::init<const py::buffer&, bool>(), py::arg("memory"), py::arg("is_new"))
      .def_property_readonly("begin_task", getter(begin_task_method))
      .def_property_readonly("put", getter(put_method))
      .def("begin_load", &Outbox::begin_load)
      .def("add_busy", &Outbox::add_busy, py::arg("nanoseconds"))
      .def("take_unsaid", &Outbox::take_unsaid)
      .def_property_readonly("begun", &Outbox::begun)
      .def_property_readonly("loads", &Outbox::loads)
      .def("skip_before", &Outbox::skip_before, py::arg("count"))
      .def_property_readonly("busy_nanoseconds", &Outbox::busy_nanoseconds)
      .def_property_readonly("end", &Outbox::end)
      .def_property_readonly("has_results", &Outbox::has_results)
      .def("take", &Outbox::take, py::arg("count"), py::arg("failed"))
      .def("take_until", &Outbox::take_until, py::arg("end"), py::arg("failed"));
}

}  // namespace coproc_python
