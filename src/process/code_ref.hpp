// Names a function so that another run of the same program finds it: by its module's build id and its offset in that.
//
// Nothing has to be registered, and addresses may be random. Only the host's own start request names code; a peer
// cannot.
//
// Thread safety: free functions.
#pragma once

#include <cstdint>
#include <string>

namespace coproc::inline v0::process {

using Function = void (*)();

struct CodeRef {
  std::string build_id;  // as bytes; empty: no function
  std::uint64_t offset = 0;

  bool is_null() const noexcept { return build_id.empty(); }
};

/// Throws StartReport (stage `code`) if the function's module has no build id: the name would be a guess.
CodeRef name_code(Function function);

/// That of this program, in hexadecimal digits; empty: it has none.
std::string own_build_id();

/// The function with this name. Throws StartReport (stage `code`) if no module with this build id is loaded, or if it
/// has no code there.
Function find_code(const CodeRef& name);

}  // namespace coproc::inline v0::process
