#include "link/link.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "coproc/errors.hpp"
#include "link/borrower.hpp"
#include "link/lender.hpp"

namespace coproc::inline v0::link {

Link::Link(std::shared_ptr<LinkMemory> memory, int end, os::Fd wake_in, os::Fd wake_out, Timeout spin)
    : producer_(memory->header().ring[end], memory->ring(end)),
      consumer_(memory->header().ring[1 - end], memory->ring(1 - end)),
      own_(&memory->header().side[end]),
      peer_(&memory->header().side[1 - end]),
      memory_(std::move(memory)),
      end_(end),
      wake_in_(std::move(wake_in)),
      wake_out_(std::move(wake_out)),
      spin_budget_(spin.ns.count()),
      borrower_(memory_->loan_shape().space == 0 ? nullptr : std::make_unique<Borrower>(memory_, 1 - end_)),
      events_(memory_->event_shape().events == 0
                  ? nullptr
                  : std::make_unique<EventWriter>(memory_->events(end_), memory_->event_shape())) {}

// ---- sending and receiving ----

void Link::request_close() noexcept {
  step("request_close: before");
  own_->close_requests.fetch_add(1, std::memory_order_release);  // pairs with close_requests() at the peer
  step("request_close: counted");
  wake_if_waiting(kSleeps);
}

void Link::set_stuck(bool is_stuck) noexcept {
  // seq_cst: both ends publish and then look at the other's word; at least one of them must see both set.
  own_->stuck.store(is_stuck ? 1 : 0, std::memory_order_seq_cst);
  step("set_stuck: published");
  if (is_stuck) wake_if_waiting(kSleeps);
}

void Link::throw_impossible(const char* what) {
  throw ProtocolError(std::string("the peer published an impossible ") + what +
                      ": the link cannot be used any more; stop the worker");
}

/// The system call that wakes a peer which sleeps.
bool Link::wake() noexcept {
  peer_->waiting.store(0, std::memory_order_relaxed);  // relaxed: a second call too many does no harm
  step("wake: before the write");
  const os::Wake wake = os::write_wake(wake_out_);
  step("wake: after the write");
  if (wake == os::Wake::broken) note_hang_up();
  if (wake == os::Wake::lost) is_lost_ = true;
  return wake != os::Wake::broken && wake != os::Wake::lost;
}

/// False, or throws if the peer can never send anything any more.
bool Link::look_found_nothing() {
  if (consumer_.is_broken()) throw_impossible("write position");
  throw_if_unreachable();
  return false;
}

// ---- loans ----

std::shared_ptr<Lender> Link::lender() {
  if (lender_ == nullptr) {
    if (auto area = memory_->loans(end_)) lender_ = std::make_shared<Lender>(std::move(area));
  }
  return lender_;
}

void Link::check_fork_may_keep() const {
  if (lender_ == nullptr && (borrower_ == nullptr || !borrower_->is_used())) return;
  throw InvalidArgumentError(
      "this messenger has already sent or received loans (large values are lent, too): hand it over before");
}

void Link::forbid_handover() noexcept {
  may_be_handed_over_ = false;
  if (memory_->loan_shape().space == 0) memory_->close_fd();
}

// ---- forks ----

Link::~Link() {
  // The end releases everything before its entry leaves the table of forks. A child that another thread forks in
  // between releases what is in the table; it would keep anything else, and the peer would wait for the child.
  const os::ForkLock no_fork;
  leave_in_child();
}

void Link::leave_in_child() noexcept {
  sleeps_on_.store(nullptr, std::memory_order_relaxed);  // relaxed: nobody else uses this any more
  armed_.reset();
  wake_in_.reset();
  wake_out_.reset();
  lender_.reset();
  borrower_.reset();
  events_.reset();
  memory_.reset();
}

void Link::list_fds(std::vector<int>& fds) const {
  fds.insert(fds.end(), {wake_in_.get(), wake_out_.get(), memory_->fd().get()});
}

std::array<int, 3> Link::fds_to_hand_over() const {
  if (!memory_->fd() || !may_be_handed_over_) {
    throw InvalidArgumentError("this messenger cannot be handed over: its link is a worker's, or has no shared memory");
  }
  if (!producer_.is_fresh() || !consumer_.is_fresh()) {
    throw InvalidArgumentError(
        "this messenger has already sent or received: it can be handed over only to a worker by StartMethod::fork");
  }
  return {memory_->fd().get(), wake_in_.get(), wake_out_.get()};
}

NotedEvents Link::events_of(int end, std::uint64_t behind, Look look) const {
  return read_events(memory_->events(end), memory_->event_shape(), behind, look);
}

// ---- creation ----

Link::Unread Link::unread() const noexcept {
  // relaxed: each word is a number for itself, and nothing is read because of it
  constexpr auto kAny = std::memory_order_relaxed;
  const auto in_ring = [&](int from, const SideWords& reader) -> std::size_t {
    if ((reader.waiting.load(kAny) & kWaitsForRecords) != 0) return 0;  // it has read everything
    const ring::Positions& positions = memory_->header().ring[from];
    const std::uint64_t head = positions.head.load(kAny);
    const std::uint64_t tail = positions.tail.load(kAny);
    return tail > head ? std::min<std::uint64_t>(tail - head, memory_->ring(from).size()) : 0;
  };
  return {in_ring(end_, *peer_), in_ring(1 - end_, *own_)};
}

Link::PeerLook Link::look_at_peer() const noexcept {
  constexpr auto kAny = std::memory_order_relaxed;  // as in unread()
  const ring::Positions& to_peer = memory_->header().ring[end_];
  const ring::Positions& from_peer = memory_->header().ring[1 - end_];
  const std::uint32_t waiting = peer_->waiting.load(kAny);
  const std::uint64_t read = to_peer.head.load(kAny), sent = from_peer.tail.load(kAny);
  const bool waits_for_records = (waiting & kWaitsForRecords) != 0;
  const bool is_blocked =
      is_blocked_in_send(peer_is_stuck(), waiting, sent - from_peer.head.load(kAny), memory_->ring(1 - end_).size());
  return {waits_for_records, is_blocked, !waits_for_records && read < to_peer.tail.load(kAny), read, sent};
}

namespace {

template <class MakeMemory>
auto make_pair_over(MakeMemory make_memory, Timeout spin) {
  const os::ForkLock no_fork;  // until both ends are registered, so that no child keeps a part of them
  std::shared_ptr<LinkMemory> memory = make_memory();
  os::Pipe to_0 = os::Pipe::create();
  os::Pipe to_1 = os::Pipe::create();
  return std::pair(std::make_unique<Link>(memory, 0, std::move(to_0.read_end), std::move(to_1.write_end), spin),
                   std::make_unique<Link>(memory, 1, std::move(to_1.read_end), std::move(to_0.write_end), spin));
}

}  // namespace

std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_shm_pair(const LinkOptions& options, bool has_loans,
                                                                      EventShape events) {
  check_link_options(options);
  return make_pair_over([&] { return LinkMemory::create_shared(options, has_loans, events); }, options.spin);
}

std::unique_ptr<Link> make_end_without_peer() {
  const os::ForkLock no_fork_before_it_is_registered;
  return std::make_unique<Link>(LinkMemory::create_private({.ring_bytes = 4096}), 0, os::Fd(), os::Fd(),
                                Timeout(std::chrono::seconds(0)));
}

std::unique_ptr<Link> open_shm_end(int end, os::Fd memory, os::Fd wake_in, os::Fd wake_out, Timeout spin) {
  const os::ForkLock no_fork_before_it_is_registered;
  return std::make_unique<Link>(LinkMemory::attach(std::move(memory)), end, std::move(wake_in), std::move(wake_out),
                                spin);
}

std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_inproc_pair(const LinkOptions& options,
                                                                         EventShape events) {
  check_link_options(options);
  return make_pair_over([&] { return LinkMemory::create_private(options, events); }, options.spin);
}

}  // namespace coproc::inline v0::link
