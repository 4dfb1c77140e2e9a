#include "restarts.hpp"

#include <pybind11/stl.h>
#include <coproc/errors.hpp>
#include <coproc/pool_options.hpp>
#include <coproc/restart.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.hpp"
#include "errors.hpp"
#include "lock.hpp"
#include "messenger.hpp"
#include "options.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;
using coproc::Backoff;
using coproc::ExitStatus;
using coproc::HealthOptions;
using coproc::Pending;
using coproc::PoolRestartOptions;
using coproc::RecycleOptions;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::RestartWhen;

// ---- options ----

/// Calls `each(name, member)` for the members that Python has by the same names (coproc/worker_resource/restart.py). A
/// new one is one line here, and one there; one that is a struct has such a function of its own, and is a dataclass
/// there. `unless` and `on_restart` are looked up when they are called.
template <class Options, class Each>
void for_each_member(Options& options, Each each)
  requires std::same_as<std::remove_const_t<Options>, RestartOptions>
{
  each("when", options.when);
  each("most", options.most);
  each("within", options.within);
  each("backoff", options.backoff);
  each("pending", options.pending);
  each("attempts", options.attempts);
  each("resend_bytes", options.resend_bytes);
  each("recycle", options.recycle);
  each("max_state_bytes", options.max_state_bytes);
  each("state_attempts", options.state_attempts);
  each("health", options.health);
}

template <class Options, class Each>
void for_each_member(Options& options, Each each)
  requires std::same_as<std::remove_const_t<Options>, PoolRestartOptions>
{
  each("most", options.most);
  each("within", options.within);
  each("backoff", options.backoff);
}

template <class Options, class Each>
void for_each_member(Options& options, Each each)
  requires std::same_as<std::remove_const_t<Options>, Backoff>
{
  each("first", options.first);
  each("then", options.then);
  each("factor", options.factor);
  each("most", options.most);
  each("spread", options.spread);
  each("reset_after", options.reset_after);
}

template <class Options, class Each>
void for_each_member(Options& options, Each each)
  requires std::same_as<std::remove_const_t<Options>, RecycleOptions>
{
  each("requests", options.requests);
  each("memory", options.memory);
  each("age", options.age);
  each("spread", options.spread);
  each("grace", options.grace);
}

template <class Options, class Each>
void for_each_member(Options& options, Each each)
  requires std::same_as<std::remove_const_t<Options>, HealthOptions>
{
  each("unread", options.unread);
  each("reply", options.reply);
  each("beat", options.beat);
  each("stack", options.stack);
}

/// In Python None, where it is the default.
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

template <class Options>
concept HasMembers = requires(Options& options) { for_each_member(options, [](const char*, auto&) {}); };

constexpr std::pair<const char*, RestartWhen> kWhens[] = {
    {"never", RestartWhen::never}, {"on_failure", RestartWhen::on_failure}, {"always", RestartWhen::always}};
constexpr std::pair<const char*, Pending> kPendings[] = {
    {"fail", Pending::fail}, {"drop", Pending::drop}, {"resend", Pending::resend}};
constexpr std::pair<const char*, RestartReason> kReasons[] = {{"its_end", RestartReason::its_end},
                                                              {"another_end", RestartReason::another_end},
                                                              {"recycled", RestartReason::recycled}};
constexpr const auto& words_of(RestartWhen) { return kWhens; }
constexpr const auto& words_of(Pending) { return kPendings; }
constexpr const auto& words_of(RestartReason) { return kReasons; }

template <class Enum>
const char* word_of(Enum value) {
  for (const auto& [word, meaning] : words_of(value)) {
    if (meaning == value) return word;
  }
  return "";
}

/// Takes an option of Python. Throws TypeError and ValueError, which say which one it is.
class Taking {
 public:
  Taking(std::string whose, py::handle from) : whose_(std::move(whose)), from_(from) {}

  template <class Member>
  void operator()(const char* name, Member& member) const {
    const py::object value = from_.attr(name);
    const std::string option = whose_ + "." + name;
    const auto refuse = [&](const char* wanted) {
      return option + ": " + wanted + ", not " + py::repr(value).template cast<std::string>();
    };
    if constexpr (std::is_enum_v<Member>) {
      std::string words;
      for (const auto& [word, meaning] : words_of(member)) {
        if (value.equal(py::str(word))) {
          member = meaning;
          return;
        }
        words += std::string(words.empty() ? "'" : ", '") + word + "'";
      }
      throw py::value_error(refuse(("one of " + words).c_str()));
    } else if constexpr (HasMembers<Member>) {
      for_each_member(member, Taking(option, value));
    } else if constexpr (std::is_same_v<Member, bool>) {
      member = switch_of(value, option);
    } else if constexpr (std::is_same_v<Member, coproc::Timeout>) {
      if (value.is_none()) {
        member = coproc::kForever;
      } else {
        member = std::chrono::duration<double>(number_of(value, option, "a number, or None"));
      }
    } else if constexpr (std::is_same_v<Member, std::size_t>) {
      if (value.is_none() && member == kNoLimit) return;
      member = whole_number_of<std::size_t>(value, option, "a whole number from 0 on");
    } else {
      const double number = number_of(value, option);
      // A negative time is refused by the core, for which a Timeout would be 0.
      if constexpr (std::is_same_v<Member, double>) {
        member = number;
      } else if (number < 0) {
        member = std::chrono::nanoseconds(-1);
      } else {
        member = coproc::Timeout(std::chrono::duration<double>(number)).ns;
      }
    }
  }

 private:
  std::string whose_;
  py::handle from_;
};

/// Makes a dict of options, as Python has them.
struct Giving {
  template <class Member>
  void operator()(const char* name, const Member& member) const {
    if constexpr (std::is_enum_v<Member>) {
      to[name] = word_of(member);
    } else if constexpr (HasMembers<const Member>) {
      py::dict inner;
      for_each_member(member, Giving{inner});
      to[name] = inner;
    } else if constexpr (std::is_same_v<Member, coproc::Timeout>) {
      to[name] = seconds(member);
    } else if constexpr (std::is_same_v<Member, std::chrono::nanoseconds>) {
      to[name] = std::chrono::duration<double>(member).count();
    } else if (std::is_same_v<Member, std::size_t> && member == static_cast<Member>(kNoLimit)) {
      to[name] = py::none();
    } else {
      to[name] = member;
    }
  }
  py::dict& to;
};

// ---- what the core calls ----

/// The Supervised of Python, which keeps its arguments and functions, so that the garbage collector sees them there.
/// The core must not keep it, since it keeps the core.
class Owner {
 public:
  explicit Owner(py::handle supervised) : weak_(new py::weakref(supervised), &drop) {}

  /// Null once it is garbage. Needs the interpreter's lock.
  py::object get() const {
    py::object supervised = (*weak_)();
    return supervised.is_none() ? py::object() : supervised;
  }
  py::object option(const char* name) const {
    const py::object supervised = get();
    return supervised ? py::object(supervised.attr("restart_options").attr(name)) : py::none();
  }
  Messenger& messenger() const { return get().attr("_messenger").cast<Messenger&>(); }

 private:
  static void drop(py::weakref* weak) {
    if (Py_IsInitialized() == 0) return;
    const Locked locked;
    delete weak;
  }
  std::shared_ptr<py::weakref> weak_;
};

/// Starts the worker by the way in which it was started first. What cannot be raised as a StartError of the core, as
/// Ctrl-C, leaves the call that drives.
void start_again(const Owner& owner, const std::string& name) {
  const Locked locked;
  const py::object supervised = owner.get();
  if (!supervised) {
    throw coproc::WorkerIsDeadError("worker " + name +
                                    " has ended, and is not started again: its Supervised is gone. Keep that object "
                                    "for as long as its messenger is used");
  }
  const Messenger::Interlude interlude(owner.messenger(), true);
  const py::object start = supervised.attr("_start_again");
  try {
    (void)call_python(start);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;
    const py::tuple said = supervised.attr("_say_why_not")(error.value());
    throw coproc::StartError(said[0].cast<std::string>(), said[1].cast<int>(), said[2].cast<std::string>());
  }
}

bool is_final(const Owner& owner, const ExitStatus& status) {
  const Locked locked;
  if (!owner.get()) return true;
  const py::object unless = owner.option("unless");
  if (unless.is_none()) return false;
  const Messenger::Interlude interlude(owner.messenger(), false);
  const py::object is_true = py::module_::import("operator").attr("truth");
  return call_python(is_true, call_python(unless, py::cast(status))).is(py::bool_(true));
}

void tell(const Owner& owner, const Restart& restart) {
  const Locked locked;
  const py::object on_restart = owner.option("on_restart");
  if (on_restart.is_none()) return;
  const Messenger::Interlude interlude(owner.messenger(), false);
  (void)call_python(on_restart, py::cast(restart));
}

void supervise(Worker& self, const py::object& supervised) {
  RestartOptions options;
  for_each_member(options, Taking("RestartOptions", supervised.attr("restart_options")));
  const Owner owner(supervised);
  options.unless = [owner](const ExitStatus& status) { return is_final(owner, status); };
  options.on_restart = [owner](const Restart& restart) { tell(owner, restart); };
  const HealthOptions& health = options.health;
  self.watches_health = std::min({health.unread.ns, health.reply.ns, health.beat.ns}) != coproc::kForever.ns;
  self.supervision = std::make_unique<coproc::detail::Supervision>(self.life(), self.messenger(), self.name, options);
}

/// `first` starts the worker now. For the restarts the Supervised is asked.
void start_supervised(Worker& self, const py::object& supervised, const py::function& first) {
  const auto now = std::make_shared<const py::function*>(&first);
  const Unlocked released;
  self.supervision->start([now, owner = Owner(supervised), name = self.name] {
    if (*now == nullptr) return start_again(owner, name);
    const Locked locked;
    (void)call_python(**now);
  });
  *now = nullptr;
}

std::string describe(Restart restart) {
  restart.status = in_python(std::move(restart.status));
  return restart.describe();
}

}  // namespace

void take_pool_options(coproc::PoolOptions& options, const py::dict& from) {
  for_each_member(options.restart, Taking("PoolRestartOptions", from["restart"]));
  for_each_member(options.health, Taking("HealthOptions", from["health"]));
  for_each_member(options.recycle, Taking("RecycleOptions", from["recycle"]));
}

bool awaits_restart(Worker& worker) {
  const Unlocked released;
  return !worker.life().is_alive();
}

void bind_restarts(py::module_& module, py::class_<Worker, std::shared_ptr<Worker>>& worker) {
  const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  py::class_<Restart>(module, "Restart",
                      "One restart of a supervised worker, or one attempt that has failed: Supervised.history().")
      .def_readonly("number", &Restart::number, "Which restart of the Supervised it was, from 1 on.")
      .def_property_readonly(
          "reason", [](const Restart& restart) { return word_of(restart.reason); },
          "Why: 'its_end' (the worker before had ended), 'recycled' (it has made place, as RestartOptions.recycle say) "
          "or 'another_end' (another worker of its group had ended: only C++ programs have such groups).")
      .def_readonly("status", &Restart::status, "How the worker before had ended, an ExitStatus.")
      .def_readonly("pid_before", &Restart::pid_before, "The pid of the worker before.")
      .def_readonly("pid", &Restart::pid, "The pid of the worker that was started; 0 if the start has failed.")
      .def_property_readonly(
          "start_error", [](const Restart& restart) { return in_pythons_words(restart.start_error); },
          "The text of the error if the start has failed; otherwise an empty text.")
      .def_property_readonly(
          "delay", [seconds](const Restart& restart) { return seconds(restart.delay); },
          "How many seconds the start was put off after the end was noticed.")
      .def_readonly("unanswered", &Restart::unanswered,
                    "How many requests were left without an answer; 0 if the start has failed.")
      .def_readonly("resent", &Restart::resent,
                    "How many of these are sent again to the new worker. The others have failed or were dropped.")
      .def_readonly("state_bytes", &Restart::state_bytes,
                    "The bytes of the saved state that the new worker was given; None: it was given none.")
      .def_readonly("state_dropped", &Restart::state_dropped,
                    "Whether the saved state was dropped, since `state_attempts` workers had ended by it.")
      .def(
          "describe", [](const Restart& restart) { return in_pythons_words(describe(restart)); },
          "Say what has happened.\n\n"
          ":return: one line, such as 'restart 2: worker 4711 was killed by SIGSEGV, and left 1 request unanswered; "
          "worker 4712 took its place after 0.103 s'\n")
      .def("__repr__", [](const Restart& restart) { return in_pythons_words("<" + describe(restart) + ">"); });
  module.def("restart_defaults", [] {
    const RestartOptions options;
    py::dict defaults;
    for_each_member(options, Giving{defaults});
    return defaults;
  });
  module.def("pool_restart_defaults", [] {
    const PoolRestartOptions options;
    py::dict defaults;
    for_each_member(options, Giving{defaults});
    return defaults;
  });
  worker.def("supervise", &supervise)
      .def("start_supervised", &start_supervised)
      .def("make_final",
           [](Worker& self) {
             const Unlocked released;
             (void)self.life().pid();  // throws NotOwnerError in a fork, where nobody may wait for another thread
             self.make_final();
           })
      .def("history", [](Worker& self) {
        const Unlocked released;
        return self.supervision->history();
      });
}

}  // namespace coproc_python
