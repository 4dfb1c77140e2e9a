// Checks that the compiler and its options are ones that coproc supports, so that this error comes first and alone.
#pragma once

#if __cplusplus < 202002L
#error "coproc needs C++20: compile with -std=c++20 or later"
#elif !defined(__linux__)
#error "coproc needs Linux"
#elif !defined(__cpp_exceptions)
#error "coproc tells of errors by exceptions: compile without -fno-exceptions"
#elif !defined(__cpp_rtti)
#error "coproc knows the exceptions that workers send by their types: compile without -fno-rtti"
#else
#define COPROC_REQUIREMENTS_ARE_MET
#endif
#ifndef COPROC_REQUIREMENTS_ARE_MET
#include "nothing is compiled behind the error above"
#endif
#undef COPROC_REQUIREMENTS_ARE_MET
