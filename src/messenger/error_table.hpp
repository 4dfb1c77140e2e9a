// The error types that this program knows, and how errors become bytes and back.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string>

#include "coproc/detail/buffer.hpp"
#include "coproc/error_payload.hpp"

namespace coproc::inline v0::detail {

/// Appends: type id, the type's name, `what()` (or what stands for it), and the value's own bytes.
void encode_error_payload(Buffer& out, std::size_t max_bytes, const ErrorType& type, const void* error);
/// The same for the exception that is being handled, of whatever type.
void encode_current_exception(Buffer& out, std::size_t max_bytes);

struct ReceivedError {
  std::exception_ptr error;
  std::string description;  // "type: text"
};
/// Throws DecodeError if the bytes make no error.
ReceivedError decode_error_payload(std::span<const std::byte> payload, std::size_t max_allocation,
                                   const RemoteOrigin& origin);

}  // namespace coproc::inline v0::detail
