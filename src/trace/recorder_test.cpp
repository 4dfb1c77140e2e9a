#include "trace/recorder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "link/event_area.hpp"
#include "link/link_memory.hpp"
#include "os/fork_guard.hpp"
#include "support/temporary_file.hpp"
#include "trace/followed.hpp"

namespace coproc::inline v0::trace {

namespace {

constexpr link::EventShape kShape{64};

/// The host's end of a link, and what its worker notes, which may be anything.
struct Hostile {
  std::shared_ptr<link::LinkMemory> memory = link::LinkMemory::create_private({.ring_bytes = 4096}, kShape);
  std::unique_ptr<link::Link> host = [this] {
    const os::ForkLock no_fork;
    return std::make_unique<link::Link>(memory, 0, os::Fd(), os::Fd(), Timeout(std::chrono::seconds(0)));
  }();
  link::EventWriter worker{memory->events(1), kShape};
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST(OneProcessRecorder, AWorkerBringsNoNamesWithoutEnd) {
  const support::TemporaryFile file;
  Recorder recorder({.events = 64});
  Hostile link;
  {
    const Followed followed(*link.host, 1, "hostile");
    for (int i = 0; i < 600; ++i) {
      std::uint64_t text = 0;
      const std::string name = "n" + std::to_string(i);
      std::memcpy(&text, name.data(), name.size());
      link::event_names(link.memory->events(1))[1].text[0] = text;
      link.worker.note(link::EventKind::mark, 1, 0);
      recorder.collect();
    }
  }
  recorder.end();
  EXPECT_EQ(recorder.write(file.path()).events, 600U);
  EXPECT_EQ(count(file.text(), R"x("name":"(other)")x"), 600U - 256U);
}

TEST(OneProcessRecorder, WhatWorkersSayIsMissingDoesNotOverflow) {
  const support::TemporaryFile file;
  Recorder recorder({.events = 64});
  for (int i = 0; i < 5; ++i) {
    Hostile link;
    const Followed followed(*link.host, i, "hostile");
    link::EventWords& words = link::event_ring(link.memory->events(1))[63];
    words.number = std::uint64_t{1} << 62;
    words.what = static_cast<std::uint64_t>(link::EventKind::mark);
    recorder.collect();
  }
  recorder.end();
  const std::uint64_t overwritten = recorder.write(file.path()).overwritten;
  EXPECT_GT(overwritten, 0U);
  EXPECT_LE(overwritten, 5U * (std::uint64_t{1} << 40));
}

}  // namespace coproc::inline v0::trace
