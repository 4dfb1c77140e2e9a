// A static initialiser that ends every process but the first.
#include <unistd.h>

#include <cstdlib>

namespace {

const bool ends = [] {
  if (std::getenv("COPROC_START") != nullptr) ::_exit(3);
  return false;
}();

}  // namespace
