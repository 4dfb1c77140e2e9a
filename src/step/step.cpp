#include "step/step.hpp"

#ifdef COPROC_TEST_STEPS
namespace coproc::inline v0 {

std::atomic<StepHook> step_hook{nullptr};

}  // namespace coproc::inline v0
#endif
