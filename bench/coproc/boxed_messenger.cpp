// A PriorityMessenger whose worker is in a box: what a filter of its system calls costs its messages.
#include "coproc/end.hpp"
#include "work.hpp"

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, []<std::size_t Size>(const bench::Job& job) {
    if (job.work != bench::Work::round_trip && job.work != bench::Work::asleep) throw bench::NotOffered();
    bench::run_messenger<coproc::PriorityMessenger, Size>(job);
  });
}
