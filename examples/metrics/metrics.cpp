// A program that has metrics of its own by prometheus-cpp, and shows those of its workers beside them: a Collectable
// that reads coproc's text.
//
//   $ coproc_metrics
//   http://127.0.0.1:37231/metrics
#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/registry.h>

#include <coproc/coproc.hpp>
#include <coproc/metrics.hpp>

#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// The workers and pools of this process, for prometheus-cpp.
class WorkersOfThisProcess : public prometheus::Collectable {
 public:
  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    std::istringstream text(metrics_.text());
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      std::string mark, kind, name;
      if (!line.starts_with('#')) {
        families.back().metric.push_back(sample(line, families.back().type));
      } else if (words >> mark >> kind >> name && kind == "HELP") {
        families.push_back({name, line.substr(line.find(name) + name.size() + 1), MetricType::Untyped, {}});
      } else {  // TYPE, behind HELP
        families.back().type = line.ends_with("counter") ? MetricType::Counter : MetricType::Gauge;
      }
    }
    return families;
  }

 private:
  /// Reads `metric{label="value",...} number`, where \\, \" and \n stand for what they do in C.
  static ClientMetric sample(const std::string& line, MetricType type) {
    ClientMetric metric;
    std::size_t at = line.find('{') + 1;
    while (line[at] != '}') {
      const std::size_t equals = line.find('=', at);
      ClientMetric::Label label{line.substr(at, equals - at), ""};
      bool is_escaped = false;
      for (at = equals + 2; is_escaped || line[at] != '"'; ++at) {
        const char c = line[at];
        if (is_escaped || c != '\\') label.value += is_escaped && c == 'n' ? '\n' : c;
        is_escaped = !is_escaped && c == '\\';
      }
      metric.label.push_back(std::move(label));
      at += line[at + 1] == ',' ? 2U : 1U;
    }
    const double number = std::stod(line.substr(at + 2));
    type == MetricType::Counter ? metric.counter.value = number : metric.gauge.value = number;
    return metric;
  }

  coproc::Metrics metrics_;
};

void square(coproc::PriorityMessenger& host) {
  while (true) {
    const int number = host.receive_blocking<int>();
    host.send_reply(number * number);
  }
}

}  // namespace

int main() {
  // Any name is possible.
  coproc::WorkerResource worker{&square, {.name = "square \"\\n\""}};
  worker.start();

  prometheus::Exposer exposer("127.0.0.1:0", 1);
  const auto registry = std::make_shared<prometheus::Registry>();
  auto& questions =
      prometheus::BuildCounter().Name("questions_total").Help("Lines of stdin.").Register(*registry).Add({});
  const auto workers = std::make_shared<WorkersOfThisProcess>();
  exposer.RegisterCollectable(registry);
  exposer.RegisterCollectable(workers);
  std::cout << "http://127.0.0.1:" << exposer.GetListeningPorts().front() << "/metrics" << std::endl;

  for (int number = 0; std::cin >> number; questions.Increment()) {
    worker.messenger().send_request(number);
    std::cout << worker.messenger().receive_blocking<int>() << std::endl;
  }
}
