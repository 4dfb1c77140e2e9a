#include "shard.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "index_worker.hpp"

namespace search {

Shard::Shard(std::size_t number, ShardListener& listener)
    : listener_(listener), worker_(index_worker, {.name = "search-" + std::to_string(number)}) {
  worker_.start();
}

void Shard::give(std::string path) { ledger_.push_back(std::move(path)); }

void Shard::feed() {
  try {
    while (sent_ < std::min(ledger_.size(), indexed_ + kWindow)) {
      worker_.messenger().send_request(IndexFile{ledger_[sent_]});
      ++sent_;
    }
  } catch (const coproc::WorkerIsDeadError&) {
    // What it had still sent comes first: receive() gets that, and then the same error.
  }
}

void Shard::ask(Question question) {
  if (is_recovering()) {
    waiting_.push_back(std::move(question));
  } else {
    send_question(std::move(question));
  }
}

void Shard::send_question(Question question) {
  try {
    const auto id = question.counts_only ? worker_.messenger().send_request(CountQuery{question.word})
                                         : worker_.messenger().send_request(Query{question.word});
    asked_.emplace(id, std::move(question));
  } catch (const coproc::WorkerIsDeadError&) {
    waiting_.push_back(std::move(question));  // receive() makes a fresh worker and asks that
  }
}

void Shard::receive() {
  auto& messenger = worker_.messenger();
  try {
    while (auto message = messenger.receive_any({coproc::ChannelId(), Channel::warning}, std::chrono::seconds(0))) {
      handle(*message);
    }
  } catch (const coproc::WorkerDiedError& death) {
    revive(death);
  } catch (const coproc::RemoteOrigin&) {
    // An exception has left the worker's target: its end follows, and tells that, too.
  }
}

void Shard::handle(const coproc::Message& message) {
  auto question = [&] { return asked_.extract(*message.request_id()).mapped().id; };
  message.match(
      [&](const Indexed&) {
        ++indexed_;
        listener_.on_indexed();
        if (is_recovering()) return;
        for (Question& next : std::exchange(waiting_, {})) send_question(std::move(next));
      },
      [&](Answer answer) { listener_.on_answer(question(), std::move(answer)); },
      [&](const Count& count) { listener_.on_count(question(), count); },
      [&](const Warning& warning) { listener_.on_warning(warning); });
}

void Shard::revive(const coproc::WorkerDiedError& death) {
  if (++deaths_ == kMaxDeaths) {
    throw std::runtime_error(
        std::string(death.what()) + "; it was the " + std::to_string(deaths_) +
        "th to die over this share, which is not searched any more. If memory was short, try fewer "
        "workers (-j) or a smaller directory");
  }
  give_up_a_deadly_file();

  recovered_at_ = is_recovering() ? std::min(recovered_at_, ledger_.size()) : indexed_;
  sent_ = 0;
  indexed_ = 0;
  for (auto& [id, question] : std::exchange(asked_, {})) waiting_.push_back(std::move(question));

  worker_.start();
  listener_.on_death(
      "worker " + std::to_string(death.pid()) + " (" + death.name() + ") " + death.exit_status().describe(),
      recovered_at_);
  feed();
  if (!is_recovering()) {
    for (Question& next : std::exchange(waiting_, {})) send_question(std::move(next));
  }
}

void Shard::give_up_a_deadly_file() {
  if (sent_ == indexed_) return;
  // Files are indexed in the order in which they were sent: it was this one, or it was something else (once).
  const auto suspect = ledger_.begin() + static_cast<std::ptrdiff_t>(indexed_);
  if (++blames_[*suspect] < kMaxBlames) return;
  listener_.on_warning(
      {Warning::Kind::failed, *suspect, std::to_string(kMaxBlames) + " workers died while indexing it; skipped"});
  ledger_.erase(suspect);
}

}  // namespace search
