// What is seen of processes and links, as Prometheus reads it.
//
// Thread safety: free functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace command {

/// `whole` is what `coproc top --json` prints.
std::string metrics_text(const nlohmann::json& whole);

}  // namespace command
