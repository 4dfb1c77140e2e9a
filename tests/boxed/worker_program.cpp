// The worker program of tests/boxed for the start method `executable`. With two arguments it is no worker, but makes
// one attempt, and prints what came of it.
#include <iostream>

#include "boxed/attempts.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return coproc::this_worker::run(&boxed::answer_questions);
  std::cout << boxed::attempt(argv[1], argv[2]) << '\n';
}
