// A host in C++ of a worker in Python:  host PYTHON worker.py
#include <coproc/coproc.hpp>

#include <iostream>
#include <optional>

#include "pricing.hpp"

using coproc::Msgpack;
using coproc::MsgpackArray;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "host PYTHON worker.py\n";
    return 2;
  }
  coproc::WorkerResource worker{coproc::Executable{argv[1], {argv[2]}}};
  worker.start(Msgpack{std::map<std::string, double>{{"rate", 0.5}}});
  auto& messenger = worker.messenger();

  messenger.send_request_multiple({Msgpack{Order{"bolt", 12, {}}}, Msgpack{Order{"nut", 1000, {}}}});
  for (const auto& quote : messenger.receive_remaining<Msgpack<Quote>>())
    std::cout << quote.value.text << ": " << quote.value.total << '\n';

  messenger.send_request(Msgpack{std::optional<Order>()});
  const auto totals = messenger.receive_blocking<Msgpack<MsgpackArray<double>>>().value;
  for (const double total : totals.values) std::cout << total << '\n';

  messenger.send_request(Msgpack{Order{"nut", 0, {}}});
  try {
    messenger.receive_blocking<Msgpack<Quote>>();
  } catch (const coproc::RemoteError& error) {
    std::cout << error.text() << '\n';
  }
  std::cout << worker.stop().describe() << '\n';
}
