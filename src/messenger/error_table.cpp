#include "messenger/error_table.hpp"

#include <cxxabi.h>

#include <any>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <variant>

#include "coproc/codec.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0 {

namespace detail {

namespace {

constinit os::Mutex table_mutex;
constinit ErrorType* table COPROC_GUARDED_BY(table_mutex) = nullptr;

template <class... E>
void register_all() {
  (register_error(error_row<E>), ...);
}

/// Called before each look-up, so that the standard exceptions, and what serve() answers, are always in the table.
void register_standard_errors() {
  static const bool done = [] {
    register_all<std::exception, std::logic_error, std::invalid_argument, std::domain_error, std::length_error,
                 std::out_of_range, std::runtime_error, std::range_error, std::overflow_error, std::underflow_error,
                 std::system_error, std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_typeid,
                 std::bad_exception, std::bad_function_call, std::bad_optional_access, std::bad_variant_access,
                 std::bad_any_cast, std::bad_weak_ptr, MessageNotRecognizedError>();
    return true;
  }();
  (void)done;
}

template <class Matches>
const ErrorType* find_row(Matches matches) {
  register_standard_errors();
  const os::MutexLock lock(table_mutex);
  for (const ErrorType* row = table; row != nullptr; row = row->next) {
    if (matches(*row)) return row;
  }
  return nullptr;
}

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? name.get() : type.name();
}

/// The text of the exception that is being handled.
std::string current_text() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text;
  } catch (...) {
    return "(an exception that is no std::exception)";
  }
}

/// The text, cut to 64 KiB, since a peer chooses its length and the description is kept besides the error.
std::string capped(const std::string& text) {
  constexpr std::size_t kMost = std::size_t{64} << 10;
  return text.size() <= kMost ? text : text.substr(0, kMost) + "... (" + std::to_string(text.size()) + " bytes)";
}

void encode_head(Encoder& encoder, std::uint64_t id, const std::string& type_name, const std::string& text) {
  coproc::encode(encoder, id);
  coproc::encode(encoder, type_name);
  coproc::encode(encoder, text);
}

}  // namespace

/// Appends the row. If several libraries register the same type, each with a row of its own, the first row is used
/// until its library is unloaded.
void register_error(ErrorType& row) noexcept {
  const os::MutexLock lock(table_mutex);
  ErrorType** at = &table;
  for (; *at != nullptr; at = &(*at)->next) {
    if (*at == &row) return;
  }
  row.next = nullptr;
  *at = &row;
}

ErrorRegistration::~ErrorRegistration() {
  const os::MutexLock lock(table_mutex);
  for (ErrorType** at = &table; *at != nullptr; at = &(*at)->next) {
    if (*at != &row_) continue;
    *at = row_.next;
    return;
  }
}

void encode_error_payload(Buffer& out, std::size_t max_bytes, const ErrorType& type, const void* error) {
  Encoder encoder(out, max_bytes);
  encode_head(encoder, type.id, type.describe(), type.text(error));
  type.encode(encoder, error);
}

void encode_current_exception(Buffer& out, std::size_t max_bytes) {
  const std::type_info* type = abi::__cxa_current_exception_type();
  const ErrorType* row =
      type == nullptr ? nullptr : find_row([&](const ErrorType& candidate) { return *candidate.type == *type; });
  Encoder encoder(out, max_bytes);
  encode_head(encoder, row == nullptr ? 0 : row->id, type == nullptr ? "unknown" : demangled(*type), current_text());
  if (row != nullptr) row->encode_current(encoder);
}

void encode_exception_of(std::string_view who, Buffer& out, std::size_t max_bytes) {
  const std::size_t before = out.size();
  try {
    encode_current_exception(out, max_bytes);
  } catch (...) {
    out.resize_uninitialized(before);
    try {
      throw std::runtime_error(std::string(who) + " threw an exception which could not be sent");
    } catch (...) {
      encode_current_exception(out, max_bytes);
    }
  }
}

ReceivedError decode_error_payload(std::span<const std::byte> payload, std::size_t max_allocation,
                                   const RemoteOrigin& origin) {
  Decoder decoder(payload, max_allocation);
  const auto id = coproc::decode<std::uint64_t>(decoder);
  auto type_name = coproc::decode<std::string>(decoder);
  auto text = coproc::decode<std::string>(decoder);
  const ErrorType* row = id == 0 ? nullptr : find_row([&](const ErrorType& candidate) { return candidate.id == id; });
  ReceivedError received;
  if (row == nullptr) {
    received.description = capped(type_name) + ": " + capped(text);
    received.error = std::make_exception_ptr(RemoteError(std::move(type_name), std::move(text), origin));
    return received;
  }
  received.error = row->decode(decoder, origin);
  decoder.finish();
  received.description = text.empty() ? capped(type_name) : capped(type_name) + ": " + capped(text);
  return received;
}

}  // namespace detail
}  // namespace coproc::inline v0
