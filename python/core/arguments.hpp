// Channels, priorities and times as Python gives them.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/channel.hpp>
#include <coproc/priority.hpp>
#include <coproc/timeout.hpp>

#include <optional>

namespace coproc_python {

namespace py = pybind11;

/// The channel that a hashable object names. Equal objects name one channel. The reference is valid until the next
/// call. Throws TypeError if the object cannot be hashed, and ValueError if its name has more than 4096 bytes.
const coproc::ChannelId& channel_of(py::handle object);

/// The priority in the argument, or else in the object's attribute `priority`, if `looks`. An attribute that is not a
/// number is ignored. Throws TypeError if the argument is not a number, and what the code of the attribute throws.
std::optional<coproc::Priority> priority_of(py::handle argument, py::handle object, bool looks);

/// Converts seconds, or None for "for ever". Throws ValueError for NaN.
coproc::Timeout timeout_of(py::handle seconds);

void bind_arguments(py::module_& module);

}  // namespace coproc_python
