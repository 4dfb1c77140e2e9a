// MessagePack that comes from a peer, as an object.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace coproc_python {

/// Throws coproc::DecodeError for what makes no value, and for lengths that are larger than what is there: nothing is allocated for these.
pybind11::object unpacked(const std::byte* data, std::size_t size);

}  // namespace coproc_python
