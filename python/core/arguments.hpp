// Channels, priorities, times and other numbers as Python gives them.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/channel.hpp>
#include <coproc/priority.hpp>
#include <coproc/timeout.hpp>

#include <limits>
#include <optional>
#include <string>

namespace coproc_python {

namespace py = pybind11;

/// The channel that a hashable object names. Equal objects name one channel. The reference is valid until the next
/// call. Throws TypeError if the object cannot be hashed, and ValueError if its name has more than 4096 bytes.
const coproc::ChannelId& channel_of(py::handle object);

/// The priority in the argument, or else in the object's attribute `priority`, if `looks`. An attribute that is not a
/// number is ignored. Throws TypeError if the argument is not a number, and what the code of the attribute throws.
std::optional<coproc::Priority> priority_of(py::handle argument, py::handle object, bool looks);

/// Converts seconds, or None for "for ever". Throws TypeError for what is no number, and ValueError for NaN; both begin
/// with the option's name.
coproc::Timeout timeout_of(py::handle seconds, const std::string& option = "timeout");

/// Converts a number, but NaN. Throws TypeError and ValueError, which begin with the option's name and what it takes.
double number_of(py::handle number, const std::string& option, const char* takes = "a number");

/// Converts a whole number of this range. Throws as `number_of`.
unsigned long long whole_number_of(py::handle number, const std::string& option, const std::string& takes,
                                   unsigned long long least, unsigned long long most);

/// Converts a whole number that its type can hold, from `least` on.
template <class Number>
Number whole_number_of(py::handle number, const std::string& option, const std::string& takes, Number least = 0,
                       Number most = (std::numeric_limits<Number>::max)()) {
  return static_cast<Number>(whole_number_of(number, option, takes, static_cast<unsigned long long>(least),
                                             static_cast<unsigned long long>(most)));
}

/// True or False, and nothing else: a text such as "no" is true, too. Throws TypeError, which begins with the option's
/// name.
bool switch_of(py::handle value, const std::string& option);

void bind_arguments(py::module_& module);

}  // namespace coproc_python
