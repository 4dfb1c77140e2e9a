// What has changed between two JSON values, as a merge patch (RFC 7396).
//
// Thread safety: free functions.
#pragma once

#include <nlohmann/json.hpp>

namespace command {

/// The patch that makes `after` of `before`. Both are objects; arrays are replaced as a whole, and what is null counts
/// as what is not there.
nlohmann::json changes(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace command
