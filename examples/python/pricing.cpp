// A worker program in C++ for hosts in any language: quotes orders, and scales arrays. host.py is its host.
#include <coproc/coproc.hpp>

#include <stdexcept>

#include "pricing.hpp"

namespace {

using coproc::Msgpack;
using coproc::MsgpackArray;

Quote quote(const Order& order, const Prices& prices) {
  const auto price = prices.find(order.item);
  if (price == prices.end()) throw std::invalid_argument("there is no price for " + order.item);
  Quote quote{.text = std::to_string(order.count) + " x " + order.item, .total = order.count * price->second};
  for (const std::string& option : order.options) quote.text += ", " + option;
  return quote;
}

void answer(coproc::PriorityMessenger& host, Msgpack<Prices> prices) {
  while (const auto request = host.receive_any({"orders", "arrays"})) {
    if (request->channel() == coproc::ChannelId("arrays")) {
      auto array = request->get<Msgpack<MsgpackArray<double>>>();
      for (double& value : array.value.values) value *= 2;
      host.reply_to(*request, array);
      continue;
    }
    try {
      host.reply_to(*request, Msgpack{quote(request->get<Msgpack<Order>>().value, prices.value)});
    } catch (const std::invalid_argument& error) {
      host.reply_error_to(*request, error);
    }
  }
}

}  // namespace

int main() { return coproc::this_worker::run(&answer); }
