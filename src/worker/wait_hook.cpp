#include "coproc/wait_hook.hpp"

#include "os/wait_hook.hpp"

namespace coproc::inline v0 {

void set_wait_hook(WaitHook hook) noexcept { os::set_wait_hook(hook); }

}  // namespace coproc::inline v0
