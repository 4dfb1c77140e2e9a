// Runs a program that may make only some system calls, as containers do it (seccomp).
//
//   refuse_calls ERROR CALL[,CALL]... PROGRAM [ARGUMENT]...  these calls fail with ERROR, a number or ENOSYS, EPERM
//   refuse_calls --profile FILE PROGRAM [ARGUMENT]...        as the file says: see docker_default.txt
//
// Exit code 77: there can be no such filter here.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const std::map<std::string, std::uint32_t> call_numbers{
#include "call_numbers.inc"
};

/// `CALL [ERROR] [if ARGUMENT MASK VALUE]`: what is not refused with an error is allowed.
struct Rule {
  std::string call;
  std::uint32_t error = 0;
  struct Condition {
    std::uint32_t argument, mask, value;
  };
  std::optional<Condition> condition;
};

struct Profile {
  std::uint32_t otherwise = 0;
  std::vector<Rule> rules;
};

std::uint32_t error_number(const std::string& text) {
  if (text == "ENOSYS") return ENOSYS;
  if (text == "EPERM") return EPERM;
  return static_cast<std::uint32_t>(std::stoul(text));
}

std::uint32_t number(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text, nullptr, 0)); }

Profile read_profile(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot be read: ") + path);
  Profile profile;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    Rule rule;
    if (!(words >> rule.call)) continue;
    for (std::string word; words >> word;) {
      if (word != "if") {
        rule.error = error_number(word);
        continue;
      }
      std::string argument, mask, value;
      words >> argument >> mask >> value;
      rule.condition = Rule::Condition{number(argument), number(mask), number(value)};
    }
    if (rule.call == "otherwise") {
      profile.otherwise = rule.error;
    } else {
      profile.rules.push_back(rule);
    }
  }
  return profile;
}

Profile refusing(const std::string& error, const std::string& calls) {
  Profile profile;
  std::istringstream names(calls);
  for (std::string name; std::getline(names, name, ',');) profile.rules.push_back({name, error_number(error), {}});
  return profile;
}

constexpr std::uint32_t answer(std::uint32_t error) {
  return error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | error;
}

std::vector<sock_filter> compile(const Profile& profile) {
  constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kAnd = BPF_ALU | BPF_AND | BPF_K,
                          kIfEqual = BPF_JMP | BPF_JEQ | BPF_K, kReturn = BPF_RET | BPF_K;
  constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr), kArguments = offsetof(seccomp_data, args);
  std::vector<sock_filter> code{{kLoad, 0, 0, kNumber}};
  for (const Rule& rule : profile.rules) {
    const auto call = call_numbers.find(rule.call);
    if (call == call_numbers.end()) continue;  // of another architecture, or newer than the headers here
    if (!rule.condition) {
      code.push_back({kIfEqual, 0, 1, call->second});
      code.push_back({kReturn, 0, 0, answer(rule.error)});
      continue;
    }
    // The lower half of an argument, on a machine that stores it first, as all do for which there is a coproc.
    code.push_back({kIfEqual, 0, 5, call->second});
    code.push_back({kLoad, 0, 0, kArguments + 8 * rule.condition->argument});
    code.push_back({kAnd, 0, 0, rule.condition->mask});
    code.push_back({kIfEqual, 0, 1, rule.condition->value});
    code.push_back({kReturn, 0, 0, answer(rule.error)});
    code.push_back({kLoad, 0, 0, kNumber});
  }
  code.push_back({kReturn, 0, 0, answer(profile.otherwise)});
  return code;
}

int run(int argc, char** argv) {
  if (argc < 4) throw std::runtime_error("its arguments are not as its first lines say");
  const std::string first = argv[1];
  std::vector<sock_filter> code = compile(first == "--profile" ? read_profile(argv[2]) : refusing(first, argv[2]));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    std::perror("refuse_calls: seccomp");
    return 77;
  }
  ::execvp(argv[3], argv + 3);
  std::perror(argv[3]);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "refuse_calls: %s\n", error.what());
    return 1;
  }
}
