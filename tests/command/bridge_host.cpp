// A host in C++ of programs behind `coproc bridge`, whose path is the first argument. Prints what test_bridge.py
// compares.
#include <coproc/coproc.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main(int, char** argv) {
  const coproc::Executable upper{argv[1], {"bridge", "--", "sed", "-u", "s/.*/\\U&/"}};
  coproc::WorkerResource worker{upper};
  worker.start();
  worker.messenger().send_request("from C++");
  std::cout << worker.messenger().receive_blocking<std::string>() << '\n';
  worker.messenger().send_request(7);
  try {
    (void)worker.messenger().receive_blocking<std::string>();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }
  std::cout << worker.stop().describe() << '\n';

  coproc::WorkerResourcePool pool(2, upper);
  pool.start();
  std::vector<std::string> words;
  for (const std::string& word : pool.map_messages<std::string>(std::vector<std::string>{"a", "b", "c"}))
    words.push_back(word);
  std::sort(words.begin(), words.end());
  for (const std::string& word : words) std::cout << word << ' ';
  std::cout << '\n';

  coproc::WorkerResource fails{coproc::Executable{argv[1], {"bridge", "--", "sh", "-c", "echo why >&2; exit 4"}}};
  fails.start();
  try {
    (void)fails.messenger().receive_blocking();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }
  std::cout << fails.join().code().value() << '\n';
}
