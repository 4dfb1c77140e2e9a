#include "index_worker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "files_for_test.hpp"
#include "messages.hpp"

namespace search {
namespace {

class SearchIndexWorker : public WithFiles {
 protected:
  SearchIndexWorker() : SearchIndexWorker(coproc::PriorityMessenger::new_pair()) {}
  ~SearchIndexWorker() override {
    if (!thread_.joinable()) return;
    host_.send_close_request();
    thread_.join();
  }

  /// In a thread, so that the test decides what has come before the worker's first receive.
  void run_worker() {
    thread_ = std::thread([this] {
      try {
        index_worker(worker_);
      } catch (const coproc::ResourceRequestedClose&) {}
    });
  }

  coproc::PriorityMessenger host_;

 private:
  explicit SearchIndexWorker(std::pair<coproc::PriorityMessenger, coproc::PriorityMessenger> pair)
      : host_(std::move(pair.first)), worker_(std::move(pair.second)) {}

  coproc::PriorityMessenger worker_;
  std::thread thread_;
};

TEST_F(SearchIndexWorker, AnswersAQueryBeforeItIndexesWhatWasSentEarlier) {
  const std::string path = file("a", "word\n");
  constexpr int kFiles = 100;
  for (int i = 0; i < kFiles; ++i) host_.send_request(IndexFile{path});
  const auto early = host_.send_request(Query{"word"});
  run_worker();

  EXPECT_TRUE(host_.receive_reply<Answer>(early).files.empty());
  for (int i = 0; i < kFiles; ++i) host_.receive_blocking<Indexed>();
  EXPECT_EQ(host_.receive_reply<Count>(host_.send_request(CountQuery{"word"})).lines, std::uint64_t{kFiles});
}

TEST_F(SearchIndexWorker, WarnsOfWhatItDoesNotIndex) {
  const std::string binary = file("binary", std::string("word\n\0word\n", 11));
  const std::string missing = (directory_ / "missing").string();
  run_worker();

  for (const std::string& path : {binary, missing}) host_.receive_reply<Indexed>(host_.send_request(IndexFile{path}));
  const auto warnings = host_.receive_available<Warning>(Channel::warning);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0].kind, Warning::Kind::binary);
  EXPECT_EQ(warnings[0].path, binary);
  EXPECT_EQ(warnings[1].kind, Warning::Kind::failed);
  EXPECT_EQ(warnings[1].path, missing);
  EXPECT_EQ(warnings[1].text, "No such file or directory");
  EXPECT_EQ(host_.receive_reply<Count>(host_.send_request(CountQuery{"word"})).lines, 0u);
}

}  // namespace
}  // namespace search
