// What the example's programs say to each other.
#pragma once

#include <coproc/msgpack.hpp>

#include <map>
#include <string>
#include <vector>

struct Order {
  std::string item;
  std::uint32_t count = 0;
  std::vector<std::string> options;
  MSGPACK_DEFINE_MAP(item, count, options)
};

struct Quote {
  std::string text;
  double total = 0;
  MSGPACK_DEFINE_MAP(text, total)
};

using Prices = std::map<std::string, double>;
