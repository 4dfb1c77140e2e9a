#include "agent/bootstrap.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using coproc::agent::bootstrap;
using coproc::agent::quoted_for_shell;
using coproc::agent::Shipped;

/// A home of its own for the script, with a name that is hard on shells.
struct Home {
  Home() {
    std::string name = std::filesystem::temp_directory_path() / "coproc ho'me \"$x XXXXXX";
    path = ::mkdtemp(name.data());
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { std::filesystem::remove_all(path); }

  /// What the shell command prints, with `input` as its stdin.
  std::string run(const std::string& input, const std::vector<std::string>& words) const {
    std::ofstream(path + "/input", std::ios::binary) << input;
    std::string line = "unset XDG_CACHE_HOME; HOME=" + quoted_for_shell(path);
    for (const std::string& word : words) line += ' ' + quoted_for_shell(word);
    line += " 2>/dev/null <" + quoted_for_shell(path + "/input");
    FILE* const output = ::popen(line.c_str(), "r");
    std::string text;
    for (int c; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
    code = ::pclose(output);
    return text;
  }
  std::string cached(const std::string& name) const { return path + "/.cache/coproc/" + name; }
  /// How many files are in the cache, finished or not.
  std::ptrdiff_t files() const {
    std::ptrdiff_t count = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator(path + "/.cache")) {
      count += each.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  std::string path;
  mutable int code = 0;
};

const std::string kAgent = "#!/bin/sh\necho \"$0 $1 $2\"\n";

TEST(AgentBootstrap, QuotesEveryWord) {
  const Home home;
  for (const std::string word :
       {"", "plain", "two words", "it's", "'", "''", "\"$HOME\" `id` $(id)", "a\nb\\", "*?~!#;&|<>"}) {
    EXPECT_EQ(home.run("", {"printf", "%s", word}), word);
  }
}

TEST(AgentBootstrap, AsksForWhatIsMissingAndKeepsIt) {
  const Home home;
  const Shipped agent{"0a1b", kAgent.size()}, program{"2c3d", 7};
  const std::string started = home.cached("0a1b/coproc-agent") + " far ";
  EXPECT_EQ(home.run(kAgent, bootstrap("far", agent, {})), "\ncoproc-agent:A\n" + started + "\n");
  EXPECT_EQ(home.run("", bootstrap("far", agent, {})), started + "\n");
  const std::string path = home.cached("2c3d/program");
  EXPECT_EQ(home.run("program", bootstrap("far", agent, program)), "\ncoproc-agent:P\n" + started + path + "\n");
  EXPECT_EQ(home.run("", bootstrap("far", agent, program)), started + path + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  EXPECT_EQ(home.files(), 2);
}

TEST(AgentBootstrap, NothingIsLeftOfWhatDidNotComeWhole) {
  const Home home;
  EXPECT_EQ(home.run(kAgent.substr(1), bootstrap("far", {"0a1b", kAgent.size()}, {})), "\ncoproc-agent:A\n");
  EXPECT_EQ(WEXITSTATUS(home.code), 126);
  EXPECT_EQ(home.files(), 0);
  EXPECT_NE(home.run(kAgent, bootstrap("far", {"0a1b", kAgent.size()}, {})),
            "\ncoproc-agent:A\n");  // the next one tries anew
}

}  // namespace
