// Channels, priorities and times as Python gives them.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/channel.hpp>
#include <coproc/priority.hpp>
#include <coproc/timeout.hpp>

#include <optional>

namespace coproc_python {

namespace py = pybind11;

/// Of a hashable object; equal objects name one channel. The reference holds until the next call. Throws TypeError for what is not
/// hashable, ValueError for what takes more than 4 KiB.
const coproc::ChannelId& channel_of(py::handle object);

/// What the argument says, or else the object's `priority` attribute, where `looks`. An attribute that is no number says nothing. Throws what
/// the attribute's own code throws, TypeError for an argument that is no number.
std::optional<coproc::Priority> priority_of(py::handle argument, py::handle object, bool looks);

/// Seconds; None: for ever. Throws ValueError for NaN.
coproc::Timeout timeout_of(py::handle seconds);

void bind_arguments(py::module_& module);

}  // namespace coproc_python
