#include "metrics.hpp"

#include <array>
#include <initializer_list>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "described.hpp"

namespace command {

namespace {

using nlohmann::json;

/// A pid, a word, or a name, which is foreign.
std::string label_value(const json& value) {
  if (value.is_null()) return {};
  if (!value.is_string()) return text_of(value, -1);
  std::string escaped;
  for (const char character : coproc::detail::in_one_line(value.get<std::string>())) {
    if (character == '\\' || character == '"') escaped += '\\';
    escaped += character;
  }
  return escaped;
}

class Metrics {
 public:
  void begin(const std::string& name, const char* type, const char* help) {
    name_ = "coproc_seen_" + name;
    text_ += "# HELP " + name_ + ' ' + help + "\n# TYPE " + name_ + ' ' + type + '\n';
  }
  void add(std::initializer_list<std::pair<const char*, json>> labels, const json& value) {
    if (!value.is_number()) return;
    std::string list;
    for (const auto& [name, label] : labels)
      list += (list.empty() ? "" : ",") + std::string(name) + "=\"" + label_value(label) + '"';
    text_ += name_ + '{' + list + "} " + value.dump() + '\n';
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

struct Field {
  const char* metric;
  const char* type;
  const char* field;
  const char* help;
};

constexpr std::array kOfProcesses = {
    Field{"process_resident_bytes", "gauge", "resident_bytes", "Resident memory of a process."},
    Field{"process_shared_bytes", "gauge", "shared_bytes", "The part of it that files or shared memory are behind."},
    Field{"process_threads", "gauge", "threads", "Threads of a process."},
    Field{"process_processor_seconds_total", "counter", "processor_seconds", "Processor time of all of its threads."},
};

constexpr std::array kOfLinks = {
    Field{"link_sent_bytes_total", "counter", "sent_bytes", "Bytes that were sent in one direction of a link."},
    Field{"link_unread_bytes", "gauge", "unread_bytes", "The part of them that may not have been received yet."},
};

}  // namespace

std::string metrics_text(const json& whole) {
  Metrics metrics;
  metrics.begin("process_state", "gauge", "1: the state in which a process is.");
  for (const json& one : whole["processes"]) {
    metrics.add({{"pid", one["pid"]}, {"name", one["name"]}, {"host", one["host"]}, {"state", one["state"]}}, 1);
  }
  for (const Field& field : kOfProcesses) {
    metrics.begin(field.metric, field.type, field.help);
    for (const json& one : whole["processes"])
      metrics.add({{"pid", one["pid"]}, {"name", one["name"]}, {"host", one["host"]}}, one[field.field]);
  }
  metrics.begin("worker_restarts_total", "counter", "Restarts of a supervised worker.");
  for (const json& one : whole["processes"]) {
    if (const json& restart = one["restart"]; !restart.is_null())
      metrics.add({{"pid", one["pid"]}, {"name", one["name"]}, {"host", one["host"]}}, restart["number"]);
  }
  for (const Field& field : kOfLinks) {
    metrics.begin(field.metric, field.type, field.help);
    for (const json& one : whole["links"]) {
      if (!one.contains("directions")) continue;
      for (const char* const direction : {"there", "back"}) {
        const json& ring = one["directions"][direction[0] == 't' ? 0 : 1];
        metrics.add({{"link", one["id"]}, {"host", one["host"]}, {"worker", one["worker"]}, {"direction", direction}},
                    ring[field.field]);
      }
    }
  }
  return std::move(metrics).text();
}

}  // namespace command
