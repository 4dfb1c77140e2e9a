// A process that prints while its host does something else, and takes orders meanwhile.
#include <coproc/coproc.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <thread>

using namespace std::chrono_literals;

struct StartPrinting {};
struct StopPrinting {};
struct ChangePrintBehavior {
  std::chrono::milliseconds print_frequency;
  char print_char;
};
struct Receipt {};

/// The user asked to start, but the process is printing already.
struct AlreadyPrintingError : std::exception {};
/// The user asked to stop, but the process is not printing.
struct AlreadyNotPrintingError : std::exception {};

// A callable object as the target: each start works on a copy of it.
struct PrintingProcess {
  std::chrono::milliseconds print_frequency;
  char print_char;
  bool keep_printing;

  void operator()(coproc::PriorityMessenger& host) {
    std::cout << "self.keep_printing=" << (keep_printing ? "True" : "False") << std::endl;
    host.send_norequest(Receipt{});
    while (true) {
      // Between two characters it listens; while it does not print, it only listens.
      const std::optional<coproc::Message> message =
          keep_printing ? host.receive_for(print_frequency) : std::optional(host.receive_blocking());
      if (message) handle(host, *message);
      if (keep_printing) std::cout << print_char << std::flush;
    }
  }

  // Anything else makes match throw MessageNotRecognizedError, which ends the worker and reaches the host.
  void handle(coproc::PriorityMessenger& host, const coproc::Message& message) {
    message.match(
        [&](const StartPrinting&) {
          if (keep_printing) host.send_error(AlreadyPrintingError());
          keep_printing = true;
        },
        [&](const StopPrinting&) {
          if (!keep_printing) host.send_error(AlreadyNotPrintingError());
          keep_printing = false;
        },
        [&](const ChangePrintBehavior& change) {
          print_frequency = change.print_frequency;
          print_char = change.print_char;
        });
    host.send_reply(Receipt{});
  }
};

// What its users see of it: each call returns with the worker's receipt.
class Printer {
 public:
  Printer(std::chrono::milliseconds print_frequency, char print_char, bool start_printing = false)
      : worker_(PrintingProcess{print_frequency, print_char, start_printing}) {
    worker_.start();
    worker_.messenger().receive_blocking<Receipt>();  // it is there, and has printed its first line
  }

  Receipt start_printing() { return ask(StartPrinting{}); }
  Receipt stop_printing() { return ask(StopPrinting{}); }
  Receipt change_behavior(std::chrono::milliseconds print_frequency, char print_char) {
    return ask(ChangePrintBehavior{print_frequency, print_char});
  }

 private:
  template <class Order>
  Receipt ask(const Order& order) {
    worker_.messenger().send_request(order);
    return worker_.messenger().receive_blocking<Receipt>();
  }

  coproc::WorkerResource<PrintingProcess> worker_;
};

void print_line() { std::cout << "\n----" << std::endl; }

int main() {
  Printer printer(50ms, 'x', /*start_printing=*/false);
  print_line();
  std::this_thread::sleep_for(200ms);  // it should not be printing
  print_line();
  printer.start_printing();
  print_line();
  std::this_thread::sleep_for(200ms);  // it should be printing x
  print_line();
  printer.change_behavior(10ms, 'y');
  print_line();
  std::this_thread::sleep_for(200ms);  // it should be printing y, faster
  printer.stop_printing();
  std::this_thread::sleep_for(200ms);  // it should not be printing

  try {
    printer.stop_printing();  // the error comes from the printing process
  } catch (const AlreadyNotPrintingError&) {
    std::cout << "\nAlready not printing! oh well.\n";
  }
}
