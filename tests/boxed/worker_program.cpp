// The worker program of tests/boxed for the start method `executable`.
#include "boxed/attempts.hpp"

int main() { return coproc::this_worker::run(&boxed::answer_questions); }
