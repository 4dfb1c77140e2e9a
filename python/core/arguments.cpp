#include "arguments.hpp"

#include <chrono>
#include <cmath>
#include <string>

namespace coproc_python {

namespace {

/// A channel that is named by a Python object, which is neither a number nor a text.
struct PythonChannel {
  std::string key;
};

/// The channels that were used before, by the objects that name them.
struct Channels {
  static constexpr py::ssize_t kMost = 10'000;
  py::object key_of = py::module_::import("coproc.channel").attr("key_of");
  py::dict known;
  coproc::ChannelId none, last;
};
Channels* channels = nullptr;
PyObject* priority_name = nullptr;

coproc::ChannelId channel_of_key(const py::object& key) {
  if (py::isinstance<py::int_>(key)) {
    const bool is_negative = key < py::int_(0);
    return is_negative ? coproc::ChannelId(key.cast<std::int64_t>()) : coproc::ChannelId(key.cast<std::uint64_t>());
  }
  if (py::isinstance<py::str>(key)) return coproc::ChannelId(key.cast<std::string>());
  return coproc::ChannelId::of(PythonChannel{key.cast<std::string>()});
}

bool is_real_number(py::handle object) {
  const PyNumberMethods* const number = Py_TYPE(object.ptr())->tp_as_number;
  return number != nullptr && (number->nb_index != nullptr || number->nb_float != nullptr);
}

std::string refusal(const std::string& option, const std::string& takes, py::handle given) {
  return option + ": " + takes + ", not " + py::repr(given).cast<std::string>();
}

/// Raises the error of the object's own code, which the user should see.
[[noreturn]] void throw_no_number(py::handle object) {
  if (is_real_number(object) || PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
  PyErr_Clear();
  throw py::type_error("a priority is a number, not " + py::repr(object).cast<std::string>());
}

coproc::Priority priority_of_number(py::handle number) {
  if (!PyIndex_Check(number.ptr())) {
    const double value = PyFloat_AsDouble(number.ptr());
    if (value == -1.0 && PyErr_Occurred() != nullptr) throw_no_number(number);
    return coproc::Priority(value);
  }
  const auto exact = py::reinterpret_steal<py::object>(PyNumber_Index(number.ptr()));
  if (!exact) throw_no_number(number);
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(exact.ptr(), &overflow);
  if (overflow == 0) return coproc::Priority(static_cast<std::int64_t>(value));
  const double nearest = PyLong_AsDouble(exact.ptr());
  if (nearest == -1.0 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return coproc::Priority(overflow < 0 ? -HUGE_VAL : HUGE_VAL);
  }
  return coproc::Priority(nearest);
}

bool is_builtin(PyTypeObject* type) noexcept {
  return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyFloat_Type ||
         type == &PyList_Type || type == &PyTuple_Type || type == &PyDict_Type || type == Py_TYPE(Py_None) ||
         type == &PyBool_Type || type == &PyByteArray_Type || type == &PyMemoryView_Type || type == &PySet_Type;
}

}  // namespace

const coproc::ChannelId& channel_of(py::handle object) {
  if (object.is_none()) return channels->none;
  if (PyObject* const found = PyDict_GetItemWithError(channels->known.ptr(), object.ptr())) {
    return *static_cast<const coproc::ChannelId*>(PyCapsule_GetPointer(found, nullptr));
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (py::len(channels->known) >= static_cast<std::size_t>(Channels::kMost)) channels->known.clear();
  auto made = std::make_unique<coproc::ChannelId>(channel_of_key(channels->key_of(object)));
  const py::capsule kept(made.get(), [](void* id) { delete static_cast<coproc::ChannelId*>(id); });
  channels->last = *made.release();
  channels->known[object] = kept;
  return channels->last;
}

std::optional<coproc::Priority> priority_of(py::handle argument, py::handle object, bool looks) {
  if (!argument.is_none()) return priority_of_number(argument);
  PyTypeObject* const type = Py_TYPE(object.ptr());
  if (!looks || is_builtin(type) || PyType_Check(object.ptr())) return std::nullopt;
  const auto value = py::reinterpret_steal<py::object>(PyObject_GetAttr(object.ptr(), priority_name));
  if (!value) {
    // An error inside a property is raised, even if it is an AttributeError: the user should see it.
    if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0 || _PyType_Lookup(type, priority_name) != nullptr) {
      throw py::error_already_set();
    }
    PyErr_Clear();
    return std::nullopt;
  }
  // The attribute is something else of the user's, such as "high" or an enum, and only happens to have this name.
  if (!is_real_number(value)) return std::nullopt;
  return priority_of_number(value);
}

double number_of(py::handle number, const std::string& option, const char* takes) {
  const double value = PyFloat_AsDouble(number.ptr());
  if (value != -1.0 && !std::isnan(value)) return value;
  if (PyErr_Occurred() == nullptr) {
    if (std::isnan(value)) throw py::value_error(refusal(option, takes, number));
    return value;
  }
  const bool is_too_large = PyErr_ExceptionMatches(PyExc_OverflowError) != 0 && PyLong_Check(number.ptr());
  if (!is_too_large && (is_real_number(number) || PyErr_ExceptionMatches(PyExc_TypeError) == 0))
    throw py::error_already_set();  // that of the object's own code, which the user should see
  PyErr_Clear();
  if (is_too_large) throw py::value_error(option + ": " + takes + ", not one of so many digits");
  throw py::type_error(refusal(option, takes, number));
}

unsigned long long whole_number_of(py::handle number, const std::string& option, const std::string& takes,
                                   unsigned long long least, unsigned long long most) {
  if (py::isinstance<py::bool_>(number) || PyIndex_Check(number.ptr()) == 0)
    throw py::type_error(refusal(option, takes, number));
  const auto exact = py::reinterpret_steal<py::object>(PyNumber_Index(number.ptr()));
  if (!exact) throw py::error_already_set();
  const unsigned long long value = PyLong_AsUnsignedLongLong(exact.ptr());
  const bool is_out_of_range = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  if (is_out_of_range || value < least || value > most) throw py::value_error(refusal(option, takes, number));
  return value;
}

coproc::Timeout timeout_of(py::handle seconds, const std::string& option) {
  if (seconds.is_none()) return coproc::kForever;
  return std::chrono::duration<double>(number_of(seconds, option, "a number of seconds, or None for ever"));
}

bool switch_of(py::handle value, const std::string& option) {
  if (!py::isinstance<py::bool_>(value)) throw py::type_error(refusal(option, "True or False", value));
  return value.is(py::bool_(true));
}

void bind_arguments(py::module_&) {
  channels = new Channels;
  priority_name = PyUnicode_InternFromString("priority");
}

}  // namespace coproc_python
