// The host of the search: hands files out to the shards, asks them, and puts their answers together.
#pragma once

#include <coproc/coproc.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crawler.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "shard.hpp"

namespace search {

/// Thread safety: none.
class Search final : private ShardListener {
 public:
  Search(Options options, Progress& progress);
  ~Search();

  /// Returns the exit status, as grep's: 0 found, 1 not found, 2 something could not be searched.
  int run();

 private:
  /// A question under way. Command-line words are asked for counts while files are being indexed (`interim`), and for
  /// their lines when all are (`last`); typed ones at once.
  struct Asked {
    enum class Why { interim, last, typed };
    Why why;
    std::string word;
    std::size_t missing;  // shards that have not answered yet
    std::size_t indexed;  // files, when it was asked
    std::uint64_t lines = 0;
    std::vector<FileMatches> files = {};
  };

  void on_indexed() override;
  void on_answer(std::size_t question, Answer answer) override;
  void on_count(std::size_t question, const Count& count) override;
  void on_warning(const Warning& warning) override;
  void on_death(const std::string& what, std::size_t files) override;

  void crawl_and_hand_out();
  void ask_for_interim_counts();
  void ask_for_the_rest();
  void ask(Asked::Why why, const std::string& word);
  void print_answered();
  void print_interim(const Asked& asked);
  void print_lines(Asked& asked);
  void receive_typed();
  void take_typed(std::string_view text);
  void crash_if_wanted();
  void wait();

  std::size_t indexed() const;
  std::size_t found() const;
  bool is_everything_indexed() const { return crawler_.is_finished() && indexed() == found(); }
  bool is_any_asked(Asked::Why why) const;
  bool can_take_typed() const;
  bool is_finished() const;
  void show_progress();

  Options options_;
  Progress& progress_;
  Crawler crawler_;
  std::deque<std::string> backlog_;  // found, and in no shard's share yet
  std::vector<std::unique_ptr<Shard>> shards_;
  std::optional<coproc::WorkerResource<void (*)(coproc::PriorityMessenger&)>> typist_;

  std::map<std::size_t, Asked> asked_;  // by question, in the order of asking
  std::size_t next_question_ = 0;
  std::size_t next_interim_at_ = 64;  // indexed files; then half as many more each time
  std::map<std::string, std::uint64_t> interim_counts_;
  bool is_last_asked_ = false;
  bool is_typing_over_;
  bool is_typed_wait_ = false;  // the user wants everything indexed first

  std::set<std::string> warned_;  // a share that is indexed again warns again
  bool has_failed_ = false;
  bool has_found_ = false;
};

}  // namespace search
