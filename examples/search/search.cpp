#include "search.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "typist.hpp"
#include "word.hpp"

namespace search {

Search::Search(Options options, Progress& progress)
    : options_(std::move(options)),
      progress_(progress),
      crawler_(options_.directory),
      is_last_asked_(options_.words.empty()),
      is_typing_over_(!options_.is_interactive) {
  ShardListener& listener = *this;
  for (std::size_t i = 0; i < options_.workers; ++i) shards_.push_back(std::make_unique<Shard>(i, listener));
  if (options_.is_interactive) {
    // It sits in a read that only the user ends: a close request would wait in vain.
    const coproc::StopOptions at_once{.close = std::chrono::seconds(0), .terminate = std::chrono::seconds(2)};
    typist_.emplace(typist, coproc::WorkerOptions{.name = "typist", .stop = at_once});
    typist_->start();
  }
}

Search::~Search() {
  // All of them at once: each gives a large index back to the system before it ends.
  for (const auto& shard : shards_) {
    try {
      shard->messenger().send_close_request();
    } catch (const coproc::Error&) {
      // It has ended already; the destructor finds that, too.
    }
  }
}

int Search::run() {
  while (true) {
    crawl_and_hand_out();
    ask_for_interim_counts();
    ask_for_the_rest();
    show_progress();
    if (is_finished()) break;

    wait();
    for (const auto& shard : shards_) shard->receive();
    print_answered();
    receive_typed();
  }
  progress_.clear();
  if (options_.crash_after) progress_.print_line("coproc-search: --crash-test: too few files, nobody was killed");
  return has_failed_ ? 2 : has_found_ ? 0 : 1;
}

void Search::crawl_and_hand_out() {
  if (!crawler_.is_finished()) {
    std::vector<std::string> files;
    crawler_.step(files, [this](const Warning& warning) { on_warning(warning); });
    std::move(files.begin(), files.end(), std::back_inserter(backlog_));
  }
  for (bool has_room = true; has_room && !backlog_.empty();) {
    has_room = false;
    for (const auto& shard : shards_) {
      if (!shard->has_room() || backlog_.empty()) continue;
      shard->give(std::move(backlog_.front()));
      backlog_.pop_front();
      has_room = true;
    }
  }
  for (const auto& shard : shards_) shard->feed();
}

void Search::wait() {
  if (!crawler_.is_finished()) return;  // there is other work to do
  std::vector<coproc::Messenger*> messengers;
  for (const auto& shard : shards_) messengers.push_back(&shard->messenger());
  if (can_take_typed()) messengers.push_back(&typist_->messenger());
  coproc::wait_any(messengers);
}

// ---- asking ----

void Search::ask(Asked::Why why, const std::string& word) {
  const std::size_t id = next_question_++;
  asked_.emplace(id, Asked{.why = why, .word = word, .missing = shards_.size(), .indexed = indexed()});
  for (const auto& shard : shards_) shard->ask({id, word, why == Asked::Why::interim});
}

void Search::ask_for_interim_counts() {
  if (is_last_asked_ || indexed() < next_interim_at_ || is_everything_indexed() || is_any_asked(Asked::Why::interim))
    return;
  next_interim_at_ = indexed() + indexed() / 2;
  for (const std::string& word : options_.words) ask(Asked::Why::interim, word);
}

void Search::ask_for_the_rest() {
  if (is_last_asked_ || !is_everything_indexed()) return;
  is_last_asked_ = true;
  for (const std::string& word : options_.words) ask(Asked::Why::last, word);
}

bool Search::is_any_asked(Asked::Why why) const {
  return std::any_of(asked_.begin(), asked_.end(), [&](const auto& entry) { return entry.second.why == why; });
}

void Search::receive_typed() {
  while (can_take_typed()) {
    const auto message = typist_->messenger().receive_for(std::chrono::seconds(0));
    if (!message) return;
    message->match([&](const TypedLine& line) { take_typed(line.text); },
                   [&](const EndOfTyping&) { is_typing_over_ = true; });
  }
}

void Search::take_typed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  text = text.substr(0, text.find_last_not_of(kBlank) + 1);
  if (text == ":wait") {
    is_typed_wait_ = true;
  } else if (is_word(text)) {
    ask(Asked::Why::typed, std::string(text));
  } else if (!text.empty()) {
    progress_.print_line("'" + std::string(text) +
                         "' is not a single word: type ASCII letters, digits and underscores");
  }
}

bool Search::can_take_typed() const {
  // One after the other: answers come in the order of the typing.
  return !is_typing_over_ && !(is_typed_wait_ && !is_everything_indexed()) && !is_any_asked(Asked::Why::typed);
}

bool Search::is_finished() const {
  return is_last_asked_ && is_typing_over_ && !is_any_asked(Asked::Why::last) && !is_any_asked(Asked::Why::typed);
}

std::size_t Search::indexed() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->indexed();
  return sum;
}

std::size_t Search::found() const {
  std::size_t sum = backlog_.size();
  for (const auto& shard : shards_) sum += shard->size();
  return sum;
}

// ---- what the shards tell ----

void Search::on_indexed() { crash_if_wanted(); }

void Search::on_answer(std::size_t question, Answer answer) {
  Asked& asked = asked_.at(question);
  --asked.missing;
  for (FileMatches& file : answer.files) {
    asked.lines += file.lines.size();
    asked.files.push_back(std::move(file));
  }
}

void Search::on_count(std::size_t question, const Count& count) {
  Asked& asked = asked_.at(question);
  --asked.missing;
  asked.lines += count.lines;
}

void Search::on_warning(const Warning& warning) {
  if (warning.kind == Warning::Kind::failed) has_failed_ = true;
  if (!warned_.insert(warning.path).second) return;
  progress_.print_line("coproc-search: " + warning.path + ": " + warning.text);
}

void Search::on_death(const std::string& what, std::size_t files) {
  progress_.print_line("coproc-search: " + what + "; a fresh worker indexes its " + std::to_string(files) +
                       " files again");
}

void Search::crash_if_wanted() {
  if (!options_.crash_after || indexed() < *options_.crash_after || shards_.front()->indexed() == 0) return;
  shards_.front()->kill();
  options_.crash_after.reset();
}

}  // namespace search
