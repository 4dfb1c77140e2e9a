// Marks what the shared library shows to the programs that use it: everything else stays hidden.
#pragma once

#include "coproc/detail/requirements.hpp"

#define COPROC_API __attribute__((visibility("default")))
