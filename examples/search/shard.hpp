// One index worker with the ledger of its share, from which a fresh worker is brought to the same state when it dies.
#pragma once

#include <coproc/coproc.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "messages.hpp"

namespace search {

/// Something to ask of every shard. `id` is the asker's.
struct Question {
  std::size_t id = 0;
  std::string word;
  bool counts_only = false;
};

/// Who is told what a shard receives.
class ShardListener {
 public:
  virtual void on_indexed() = 0;
  virtual void on_answer(std::size_t question, Answer answer) = 0;
  virtual void on_count(std::size_t question, const Count& count) = 0;
  virtual void on_warning(const Warning& warning) = 0;
  /// A fresh worker has taken over; `files` are indexed again.
  virtual void on_death(const std::string& what, std::size_t files) = 0;

 protected:
  ~ShardListener() = default;
};

/// Thread safety: none.
///
/// Invariants: the worker has been sent the first `sent_` files of the ledger and has answered for the first `indexed_`
/// of these; `sent_ - indexed_` never exceeds the window, so that a query finds a short queue, however many files there
/// are.
/// Each question is either asked (the request is on its way) or waiting, until it is answered.
class Shard {
 public:
  Shard(std::size_t number, ShardListener& listener);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// How many files there are in the share, and how many of them are indexed.
  std::size_t size() const { return ledger_.size(); }
  std::size_t indexed() const { return indexed_; }
  bool has_room() const { return ledger_.size() < indexed_ + kWindow; }

  /// Takes one more file into the share.
  void give(std::string path);
  /// Sends as many files as the window has room for.
  void feed();
  /// Is answered from what is indexed at that moment. Where a fresh worker is still getting what an ended one knew, it
  /// gets all of that first.
  void ask(Question question);
  /// Handles everything that has come; does not wait. Throws where a worker has died too often.
  void receive();

  coproc::Messenger& messenger() { return worker_.messenger(); }
  void kill() { worker_.kill(); }

 private:
  static constexpr std::size_t kWindow = 32;
  static constexpr int kMaxDeaths = 10;
  static constexpr int kMaxBlames = 2;

  void handle(const coproc::Message& message);
  void revive(const coproc::WorkerDiedError& death);
  void give_up_a_deadly_file();
  void send_question(Question question);
  bool is_recovering() const { return indexed_ < recovered_at_; }

  ShardListener& listener_;
  coproc::WorkerResource<void (*)(coproc::PriorityMessenger&)> worker_;
  std::vector<std::string> ledger_;
  std::size_t sent_ = 0;
  std::size_t indexed_ = 0;
  std::size_t recovered_at_ = 0;  // so many files were indexed when the last worker died
  std::map<coproc::RequestId, Question> asked_;
  std::vector<Question> waiting_;
  std::map<std::string, int> blames_;  // how many workers died over each file
  int deaths_ = 0;
};

}  // namespace search
