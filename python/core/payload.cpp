// Makes Python objects of messages.
#include <pybind11/stl.h>
#include <coproc/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "memory.hpp"
#include "messenger.hpp"
#include "packed.hpp"
#include "pickling.hpp"

namespace coproc_python {

namespace {

/// The bytes that C++ and C programs send in a vector; none if the message holds no such vector.
template <class... Byte>
std::optional<py::bytes> plain_bytes(const coproc::Message& message) {
  std::optional<py::bytes> bytes;
  const auto take = [&](const auto& values) {
    bytes.emplace(reinterpret_cast<const char*>(values.data()), values.size());
    return true;
  };
  (void)((message.holds<std::vector<Byte>>() && take(message.get<std::vector<Byte>>())) || ...);
  return bytes;
}

/// Tries the plain types that C++ programs send.
template <class T, class... Rest>
py::object plain_payload(const coproc::Message& message) {
  if (message.holds<T>()) return py::cast(message.get<T>());
  if constexpr (sizeof...(Rest) != 0) {
    return plain_payload<Rest...>(message);
  } else {
    throw py::type_error(
        "a message of the C++ type " + std::string(message.type_name()) +
        ", which Python does not know: its program has to send a Msgpack (coproc/msgpack.hpp), text, a number, or a "
        "vector of these");
  }
}

}  // namespace

py::object payload_of(const coproc::Message& message, bool unpickles, const RefusalText& refusal) {
  if (const auto error = message.error()) std::rethrow_exception(error);
  if (message.holds<Value>()) {
    if (!unpickles && refusal != nullptr) throw coproc::DecodeError(*refusal);
    if (!unpickles) {
      throw coproc::DecodeError(
          "the peer sent a pickle, and this messenger's codec is msgpack: it unpickles nothing. Is the peer's codec "
          "another one?");
    }
    return unpickle(message.get<Value>());
  }
  if (message.holds<Packed>()) {
    const Memory packed = message.get<Packed>().in;
    return unpacked(packed.data(), packed.size());
  }
  if (message.holds<std::monostate>()) return py::none();  // the reply to a C++ call that returns nothing
  if (message.holds<Memory>()) return as_buffer(message.get<Memory>());
  if (const auto bytes = plain_bytes<std::byte, std::uint8_t, char>(message)) return *bytes;
  return plain_payload<std::string, bool, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t, float, double,
                       std::vector<std::string>, std::vector<std::int32_t>, std::vector<std::int64_t>,
                       std::vector<float>, std::vector<double>>(message);
}

}  // namespace coproc_python
