#include "doctor.hpp"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finding.hpp"

namespace command {

namespace {

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warns:
      return "warns";
    case Verdict::fails:
      break;
  }
  return "fails";
}

void print(const Finding& finding) {
  std::printf("%-6s %-22s %s\n", name_of(finding.verdict), finding.name.c_str(), finding.text.c_str());
  if (!finding.remedy.empty()) std::printf("%-6s %-22s -> %s\n", "", "", finding.remedy.c_str());
}

nlohmann::json json_of(const Finding& finding) {
  nlohmann::json object = {{"name", finding.name}, {"verdict", name_of(finding.verdict)}, {"text", finding.text}};
  if (!finding.remedy.empty()) object["remedy"] = finding.remedy;
  return object;
}

}  // namespace

int doctor(bool wants_json) {
  bool is_fit = true;
  nlohmann::json all = nlohmann::json::array();
  for (const auto& check : {&check_machine, &check_starts}) {
    for (const Finding& finding : check()) {
      is_fit = is_fit && finding.verdict != Verdict::fails;
      wants_json ? all.push_back(json_of(finding)) : print(finding);
    }
  }
  // What the system says may be no UTF-8.
  if (wants_json) std::cout << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  return is_fit ? 0 : 1;
}

}  // namespace command
