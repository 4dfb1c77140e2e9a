// The command `coproc` (docs/command.md).
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "bench.hpp"
#include "bridge.hpp"
#include "doctor.hpp"
#include "map.hpp"
#include "monitor.hpp"
#include "numbers.hpp"
#include "serve/serve.hpp"
#include "stack.hpp"
#include "top.hpp"

int main(int argc, char** argv) {
  CLI::App app("Looks at programs that use worker processes, and at the machine that they run on.", "coproc");
  app.set_version_flag("--version", "coproc " COPROC_VERSION);
  app.require_subcommand(1);

  bool wants_json = false;
  CLI::App* doctor = app.add_subcommand("doctor", "Say what this machine lacks for coproc, and what helps");
  doctor->add_flag("--json", wants_json, "Print the findings as JSON");

  command::MonitorRequest request;
  double interval_ms = 250;
  CLI::App* monitor = app.add_subcommand(
      "monitor", "Run a command, and record memory and processor time of its processes: coproc monitor -- COMMAND ...");
  monitor->add_option("-o,--output", request.options.save_at_end, "Write .svg, .html, .csv or .json at the end")
      ->type_name("FILE");
  monitor->add_option("--interval", interval_ms, "Milliseconds between two samples")
      ->check(command::between(1.0, 1e9, "milliseconds"));
  monitor->add_flag("!--alone", request.options.include_children, "Leave out the processes that the command starts");
  monitor->add_flag("-q,--quiet", request.is_quiet, "Print no table at the end");
  monitor->add_option("command", request.command, "The command and its arguments")->required()->type_name("COMMAND");
  monitor->positionals_at_end();

  command::BridgeRequest bridged;
  bool is_lines = false;
  CLI::App* bridge = app.add_subcommand(
      "bridge", "Be a worker that talks to a program by its stdin and stdout: coproc bridge -- PROGRAM ...");
  CLI::Option* lines = bridge->add_flag("--lines", is_lines, "Each message is a line of text (the default)");
  bridge
      ->add_flag("--msgpack", bridged.is_msgpack,
                 "Each message is its length in 4 bytes, big-endian, and a value of MessagePack")
      ->excludes(lines);
  bridge->add_option("--max-bytes", bridged.max_bytes, "The longest line or record that the program may print")
      ->check(command::between(1UL, 0xffff'fff0UL, "a number of bytes"))
      ->type_name("BYTES");
  bridge->add_option("program", bridged.program, "The program and its arguments")->required()->type_name("PROGRAM");
  bridge->positionals_at_end();

  command::MapRequest mapped;
  CLI::App* map = app.add_subcommand("map", "Show who is whose worker, and what is in their links");
  CLI::Option* const map_json = map->add_flag("--json", mapped.wants_json, "Print JSON");
  map->add_flag("--dot", mapped.wants_dot, "Print a graph for Graphviz")->excludes(map_json);
  map->add_option("pid", mapped.pids, "Only what belongs to these processes")
      ->check(command::process_id())
      ->type_name("PID");

  command::TopRequest watched;
  double top_seconds = 1;
  CLI::App* top = app.add_subcommand("top", "Show what hosts and workers do, again and again; q leaves");
  top->add_flag("--json", watched.wants_json, "Print an object of JSON in each line");
  top->add_option("-n", watched.count, "End after so many pictures")
      ->check(command::between(1UL, 1'000'000'000UL, "a number of pictures"))
      ->type_name("COUNT");
  top->add_option("-d,--delay", top_seconds, "Seconds between two pictures")
      ->check(command::between(0.05, 1e6, "seconds"));
  top->add_option("pid", watched.pids, "Only what belongs to these processes")
      ->check(command::process_id())
      ->type_name("PID");

  command::ServeRequest served;
  double serve_seconds = std::chrono::duration<double>(served.longest).count();
  CLI::App* serve = app.add_subcommand("serve", "Show the same on a page for a browser on this machine");
  serve->add_option("--port", served.port, "Where it listens; any free port if it is not given")
      ->check(command::between(0, 65'535, "a port"));
  serve->add_option("--bind", served.address, "The address at which it listens, 127.0.0.1 if it is not given")
      ->type_name("ADDRESS");
  serve->add_option("-p,--pid", served.pids, "Only what belongs to this process")
      ->check(command::process_id())
      ->type_name("PID");
  serve->add_option("--for", serve_seconds, "When it ends, such as 30s, 10m or 8h (the default)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}}))
      ->check(command::between(0.0, 1e8, "seconds"))
      ->type_name("DURATION");

  command::StackRequest stacked;
  CLI::App* stack = app.add_subcommand("stack", "Say where each thread of a living process is");
  stack->add_flag("--json", stacked.wants_json, "Print JSON");
  stack->add_option("pid", stacked.pid, "The process")->required()->check(command::process_id())->type_name("PID");

  command::BenchRequest benched;
  CLI::App* bench =
      app.add_subcommand("bench", "Measure messages, starts and tasks on this machine, beside what nothing can beat");
  bench->add_flag("--quick", benched.is_quick, "Measure less, within a second");
  bench->add_flag("--json", benched.wants_json, "Print JSON");

  CLI11_PARSE(app, argc, argv);
  try {
    if (doctor->parsed()) return command::doctor(wants_json);
    if (bridge->parsed()) return command::bridge(bridged);
    if (bench->parsed()) return command::bench(benched);
    if (map->parsed()) return command::map(mapped);
    if (serve->parsed()) {
      served.longest = std::chrono::duration<double>(serve_seconds);
      return command::serve(served);
    }
    if (stack->parsed()) return command::stack(stacked);
    if (top->parsed()) {
      watched.interval = std::chrono::nanoseconds(static_cast<std::int64_t>(top_seconds * 1e9));
      return command::top(watched);
    }
    request.options.interval = std::chrono::nanoseconds(static_cast<std::int64_t>(interval_ms * 1e6));
    return command::monitor(request);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc: %s\n", error.what());
    return command::kFailed;
  }
}
