// Runs the programs of the tour, which stand beside this one, in their order.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

int main() {
  // Through relative names, so that no directory's name has to be quoted for the shell.
  std::filesystem::current_path(std::filesystem::read_symlink("/proc/self/exe").parent_path());
  for (const std::string program :
       {"01_echo_and_restart", "02_context", "03_wrapper_object", "04_basic_messaging", "05_requests",
        "06_availability", "07_priorities", "08_channels", "09_system_messages", "10_printing_process"}) {
    std::cout << "== " << program << '\n' << std::flush;
    if (std::system(("./" + program).c_str()) != 0) {
      std::cerr << "tour: " << program << " failed; run " << std::filesystem::current_path() / program
                << " to see how\n";
      return 1;
    }
    std::cout << std::endl;
  }
}
