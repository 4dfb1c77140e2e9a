// For tests of messengers inside one process.
#pragma once

#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <utility>

namespace scenario {

struct PairOfMessengers : testing::Test {
  std::pair<coproc::PriorityMessenger, coproc::PriorityMessenger> ends = coproc::PriorityMessenger::new_pair();
  coproc::PriorityMessenger& a = ends.first;
  coproc::PriorityMessenger& b = ends.second;
};

}  // namespace scenario
