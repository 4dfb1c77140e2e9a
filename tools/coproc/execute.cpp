#include "execute.hpp"

#include <unistd.h>

#include <cerrno>

namespace command {

Words::Words(const std::vector<std::string>& words) : copies_(words) {
  for (std::string& word : copies_) pointers_.push_back(word.data());
  pointers_.push_back(nullptr);
}

void execute(char* const* words, int failure) noexcept {
  (void)::execvp(words[0], words);
  const int number = errno;
  (void)!::write(failure, &number, sizeof number);
  ::_exit(number == ENOENT ? 127 : 126);
}

int await_execution(int failure) noexcept {
  int number = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure, &number, sizeof number);  // ends where the command begins
  } while (got < 0 && errno == EINTR);
  return got == sizeof number ? number : 0;
}

}  // namespace command
