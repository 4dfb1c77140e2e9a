// Memory that two processes share, as Python objects.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <vector>

#include "value.hpp"

namespace coproc_python {

namespace py = pybind11;

/// A Python object with a writable buffer that keeps the memory. Arrays and memoryviews are made over it.
py::object as_buffer(Memory memory);

/// A buffer like that of `as_buffer`, to be filled and sent. Its address is recorded, so that a send recognises it.
py::object as_lendable(Memory memory);
/// The lendable memory that consists of exactly these bytes; null if there is none.
const Memory* lendable_at(const void* data, std::size_t size);

/// An object with `read`, `readinto` and `readline` over several pieces, for an Unpickler. The pieces must outlive it.
py::object reader_of(std::vector<Piece> pieces);

void bind_memory(py::module_& module);

}  // namespace coproc_python
