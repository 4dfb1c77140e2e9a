// Encodes and decodes errors, by the table of the error types that are registered in this program.
//
// Thread safety: all functions from any thread.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "coproc/detail/buffer.hpp"
#include "coproc/error_payload.hpp"

namespace coproc::inline v0::detail {

/// Appends the type's id, its name, the text (`what()`, for a std::exception) and the encoded value.
void encode_error_payload(Buffer& out, std::size_t max_bytes, const ErrorType& type, const void* error);
/// The same for the exception that is being handled. If its type is not registered, the id is 0 and no value follows.
void encode_current_exception(Buffer& out, std::size_t max_bytes);
/// The same, but an exception that cannot be sent (its codec throws, or it is too large) is replaced by a
/// std::runtime_error which says that `who` threw it.
void encode_exception_of(std::string_view who, Buffer& out, std::size_t max_bytes);

struct ReceivedError {
  std::exception_ptr error;
  std::string description;  // "type: text"
};
/// Throws DecodeError if the bytes are not a valid error.
ReceivedError decode_error_payload(std::span<const std::byte> payload, std::size_t max_allocation,
                                   const RemoteOrigin& origin);

}  // namespace coproc::inline v0::detail
