// A pipe in each direction.
#include <unistd.h>

#include "bytes.hpp"
#include "work.hpp"

template <std::size_t Size>
struct Pipes : bench::ByteEnd<Size> {
  Pipes() { this->open_pipes(); }
};

int main(int argc, char** argv) { return bench::run_pair<Pipes>(argc, argv); }
