// Marks what the shared library shows to the programs that use it: everything else stays hidden.
#pragma once

#define COPROC_API __attribute__((visibility("default")))
