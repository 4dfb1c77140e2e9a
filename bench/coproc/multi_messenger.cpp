// A MultiMessenger: messages in the order of their sends.
#include "coproc/end.hpp"
#include "work.hpp"

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, []<std::size_t Size>(const bench::Job& job) {
    if (job.work > bench::Work::stream_batch) throw bench::NotOffered();
    bench::run_messenger<coproc::MultiMessenger, Size>(job);
  });
}
