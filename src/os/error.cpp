#include "os/error.hpp"

#include <system_error>

namespace coproc::inline v0::os::detail {

void throw_system_error(int error_number, std::string_view call, const std::string& arguments) {
  throw std::system_error(error_number, std::generic_category(), std::string(call) + '(' + arguments + ')');
}

}  // namespace coproc::inline v0::os::detail
