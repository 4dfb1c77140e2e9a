#include "plain.hpp"

#include <coproc/errors.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coproc_python {

namespace {

constexpr std::size_t kMostBytes = 64 << 10;  // larger ones travel beside a pickle
constexpr std::size_t kMostClasses = 10'000;
// Attribute names are cached for each class, so that they are not made anew for each object.
constexpr std::size_t kMostAttributes = 32, kLongestAttribute = 64;

struct Names {
  py::object is_plain_class = py::module_::import("coproc.pickling").attr("is_plain_class");
  py::object find_class = py::module_::import("coproc.pickling").attr("find_class");
  py::object build = py::module_::import("coproc.pickling").attr("build");
  py::dict dispatch_table = py::module_::import("copyreg").attr("dispatch_table");
  py::tuple no_arguments;
};
const Names* names = nullptr;

/// The facts about a class. They hold as long as the class has this version and its module still has it under its name.
struct Class {
  py::object type;
  py::object module_dict;
  py::object name;  // in the module
  std::string full_name;
  unsigned version = 0;  // 0: the class was never examined
  bool is_plain = false;
  bool is_of_main = false;
  std::uint64_t found_by = 0;  // the number of the MainNames that was asked last and has the class
  std::vector<std::pair<std::string, py::object>> attributes;  // the attribute names that were received last

  bool is_current() const {
    const auto* const raw = reinterpret_cast<PyTypeObject*>(type.ptr());
    return version != 0 && raw->tp_version_tag == version && (raw->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG) != 0 &&
           PyDict_GetItem(module_dict.ptr(), name.ptr()) == type.ptr();
  }
};

Class look_at(const py::object& type) {
  Class looked;
  looked.type = type;
  const py::object found = names->is_plain_class(type);  // (the module's dict, the full name), or None
  looked.is_plain = !found.is_none();
  looked.module_dict = py::dict();
  looked.name = type.attr("__name__");
  if (looked.is_plain) {
    const auto parts = py::reinterpret_borrow<py::tuple>(found);
    looked.module_dict = parts[0];
    looked.full_name = parts[1].cast<std::string>();
    looked.is_of_main = looked.full_name.starts_with("__main__:");
  } else {
    looked.module_dict[looked.name] = type;  // so that is_current() works for such a class, too
  }
  // A lookup assigns a version to the type.
  _PyType_Lookup(reinterpret_cast<PyTypeObject*>(type.ptr()), looked.name.ptr());
  const auto* const raw = reinterpret_cast<PyTypeObject*>(type.ptr());
  looked.version = (raw->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG) != 0 ? raw->tp_version_tag : 0;
  return looked;
}

Class& class_of(PyTypeObject* type) {
  static auto* const known = new std::unordered_map<PyTypeObject*, Class>;
  const auto at = known->find(type);
  if (at != known->end() && at->second.is_current()) return at->second;
  if (known->size() >= kMostClasses) known->clear();
  auto looked = look_at(py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(type)));
  return (*known)[type] = std::move(looked);
}

/// Allows lookups by a string_view without making a string of it.
struct HashOfText {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

Class& class_named(std::string_view full_name) {
  static auto* const known = new std::unordered_map<std::string, Class, HashOfText, std::equal_to<>>;
  const auto at = known->find(full_name);
  if (at != known->end() && at->second.is_current()) return at->second;
  if (known->size() >= kMostClasses) known->clear();
  auto looked = look_at(names->find_class(py::str(full_name.data(), full_name.size())));
  return (*known)[std::string(full_name)] = std::move(looked);
}

// ---- writing ----

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool put_text(std::string& out, PyObject* text) {
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) {
    PyErr_Clear();  // the text contains a surrogate
    return false;
  }
  if (static_cast<std::size_t>(size) > kMostBytes) return false;
  put(out, static_cast<std::uint32_t>(size));
  out.append(bytes, static_cast<std::size_t>(size));
  return true;
}

bool put_scalar(std::string& out, PyObject* value) {
  if (value == Py_None) {
    out += 'N';
  } else if (PyBool_Check(value)) {
    out += value == Py_True ? 'T' : 'F';
  } else if (PyLong_CheckExact(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) return false;
    out += 'i';
    put(out, static_cast<std::int64_t>(number));
  } else if (PyFloat_CheckExact(value)) {
    out += 'd';
    put(out, PyFloat_AS_DOUBLE(value));
  } else if (PyUnicode_CheckExact(value)) {
    out += 's';
    return put_text(out, value);
  } else if (PyBytes_CheckExact(value)) {
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(value));
    if (size > kMostBytes) return false;
    out += 'b';
    put(out, static_cast<std::uint32_t>(size));
    out.append(PyBytes_AS_STRING(value), size);
  } else {
    return false;
  }
  return true;
}

/// Whether the other process finds the class by its name.
bool is_found(Class& known, const MainNames& main_names) {
  if (!known.is_of_main || main_names.number() == 0 || known.found_by == main_names.number()) return true;
  if (!main_names.has(known.type)) return false;
  known.found_by = main_names.number();
  return true;
}

bool put_object(std::string& out, PyObject* object, const MainNames& main_names) {
  PyTypeObject* const type = Py_TYPE(object);
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0 || type->tp_new != PyBaseObject_Type.tp_new ||
      type->tp_getattro != PyObject_GenericGetAttr) {
    return false;
  }
  Class& known = class_of(type);
  if (!known.is_plain || !is_found(known, main_names) ||
      PyDict_Contains(names->dispatch_table.ptr(), known.type.ptr()) != 0)
    return false;
  const auto dict = py::reinterpret_steal<py::object>(PyObject_GenericGetDict(object, nullptr));
  if (!dict) {
    PyErr_Clear();  // the object has no __dict__
    return false;
  }
  if (!PyDict_CheckExact(dict.ptr())) return false;
  out += 'o';
  put(out, static_cast<std::uint32_t>(known.full_name.size()));
  out += known.full_name;
  put(out, static_cast<std::uint32_t>(PyDict_GET_SIZE(dict.ptr())));
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(dict.ptr(), &at, &key, &value) != 0;) {
    if (!PyUnicode_CheckExact(key) || !put_text(out, key) || !put_scalar(out, value)) return false;
  }
  return true;
}

// ---- reading ----

class Source {
 public:
  explicit Source(std::string_view bytes) noexcept : bytes_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) throw coproc::DecodeError("the bytes of a Python value end too early");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  bool is_empty() const noexcept { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

py::object stolen(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

py::object exact_text(std::string_view bytes) {
  return stolen(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr));
}

py::object get_scalar(Source& source, char tag) {
  switch (tag) {
    case 'N':
      return py::none();
    case 'T':
      return py::bool_(true);
    case 'F':
      return py::bool_(false);
    case 'i':
      return stolen(PyLong_FromLongLong(source.number<std::int64_t>()));
    case 'd':
      return stolen(PyFloat_FromDouble(source.number<double>()));
    case 's':
      return exact_text(source.take(source.number<std::uint32_t>()));
    case 'b': {
      const std::string_view bytes = source.take(source.number<std::uint32_t>());
      return stolen(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    }
    default:
      throw coproc::DecodeError("there is no such kind of plain Python value: is the peer another version of coproc?");
  }
}

/// The name of the i-th attribute of the class.
py::object attribute_name(Class& known, std::size_t i, std::string_view name) {
  if (i < known.attributes.size() && known.attributes[i].first == name) return known.attributes[i].second;
  PyObject* made = exact_text(name).release().ptr();
  PyUnicode_InternInPlace(&made);
  auto object = py::reinterpret_steal<py::object>(made);
  if (i <= known.attributes.size() && i < kMostAttributes && name.size() <= kLongestAttribute) {
    if (i == known.attributes.size()) known.attributes.emplace_back();
    known.attributes[i] = {std::string(name), object};
  }
  return object;
}

py::object get_object(Source& source) {
  Class& known = class_named(source.take(source.number<std::uint32_t>()));
  const py::object type = known.type;
  const bool is_plain = known.is_plain;
  const py::object state = stolen(PyDict_New());
  const auto count = source.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    const py::object name = attribute_name(known, i, source.take(source.number<std::uint32_t>()));
    const py::object value = get_scalar(source, source.take(1)[0]);
    if (PyDict_SetItem(state.ptr(), name.ptr(), value.ptr()) != 0) throw py::error_already_set();
  }
  // Here the class may differ from that of the sender.
  const bool is_made_as_object = reinterpret_cast<PyTypeObject*>(type.ptr())->tp_new == PyBaseObject_Type.tp_new;
  if (!is_plain || !is_made_as_object) return names->build(type, state);
  const py::object object =
      stolen(PyBaseObject_Type.tp_new(reinterpret_cast<PyTypeObject*>(type.ptr()), names->no_arguments.ptr(), nullptr));
  if (PyObject_GenericSetDict(object.ptr(), state.ptr(), nullptr) != 0) throw py::error_already_set();
  return object;
}

}  // namespace

bool encode_plain(py::handle object, std::string& out, const MainNames& main_names) {
  return put_scalar(out, object.ptr()) || put_object(out, object.ptr(), main_names);
}

py::object decode_plain(std::string_view bytes) {
  Source source(bytes);
  const char tag = source.take(1)[0];
  py::object object = tag == 'o' ? get_object(source) : get_scalar(source, tag);
  if (!source.is_empty()) throw coproc::DecodeError("bytes are left over behind a Python value");
  return object;
}

void bind_plain(py::module_&) { names = new Names; }

}  // namespace coproc_python
