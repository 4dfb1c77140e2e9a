// Decodes MessagePack that comes from a peer.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace coproc_python {

/// Decodes a value. Throws coproc::DecodeError if the bytes do not make one, or state lengths that are larger than the
/// bytes that are there. Nothing is allocated for such lengths.
pybind11::object unpacked(const std::byte* data, std::size_t size);

}  // namespace coproc_python
