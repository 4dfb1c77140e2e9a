// OpenMPI in shared memory: two ranks, each with blocking sends and receives.
//
// The program becomes an mpirun, which starts it anew as two ranks, and these do the job. They spin while they wait, so
// `asleep` is not offered.
#include <mpi.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "isolation.hpp"
#include "work.hpp"

template <std::size_t Size>
class Rank {
 public:
  void become_host() { other_ = 1; }
  void become_peer() { other_ = 0; }

  void send(std::uint64_t number) {
    bench::make(out_, number);
    MPI_Send(&out_, Size, MPI_BYTE, other_, 0, MPI_COMM_WORLD);
  }
  std::uint64_t receive() {
    MPI_Recv(&in_, Size, MPI_BYTE, other_, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return bench::number_of(in_);
  }

 private:
  int other_ = -1;
  bench::Payload<Size> out_ = {}, in_ = {};
};

/// By default, an MPI error ends both ranks.
template <std::size_t Size>
void run_rank(const bench::Job& job) {
  MPI_Init(nullptr, nullptr);
  int rank = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const auto end = std::make_unique<Rank<Size>>();
  if (rank == 0) {
    end->become_host();
    print(run_host(job, *end));
  } else {
    bench::pin_to(job.peer_processor);
    end->become_peer();
    run_peer(job, *end);
  }
  MPI_Finalize();
}

/// Its documentation says that ranks that share a processor should yield, and others should not.
[[noreturn]] void become_mpirun(const bench::Job& job, char** argv) {
  bench::keep_files_private({"/dev/shm"});
  bench::keep_network_private();
  setenv("TMPDIR", "/dev/shm", 1);
  setenv("OMPI_MCA_oob_tcp_if_include", "lo", 1);  // (for mpirun; the ranks use shared memory)
  setenv("PMIX_MCA_ptl_tcp_if_include", "lo", 1);
  const bool is_shared = job.host_processor >= 0 && job.host_processor == job.peer_processor;
  setenv("OMPI_MCA_mpi_yield_when_idle", is_shared ? "1" : "0", 1);

  std::string line = "mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2";
  line += " --mca plm isolated --mca pml ob1 --mca btl vader,self";
  std::istringstream words(line);
  std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
  arguments.push_back(std::filesystem::read_symlink("/proc/self/exe"));
  arguments.insert(arguments.end(), argv + 1, argv + 6);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  bench::throw_errno("exec of mpirun");
}

int main(int argc, char** argv) {
  const bool is_rank = std::getenv("OMPI_COMM_WORLD_RANK") != nullptr;
  if (is_rank) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return bench::run_program(argc, argv, [&]<std::size_t Size>(const bench::Job& job) {
    if (is_rank) return run_rank<Size>(job);
    prepare(job, *std::make_unique<Rank<Size>>());
    become_mpirun(job, argv);
  });
}
