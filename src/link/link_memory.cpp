#include "link/link_memory.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include "coproc/errors.hpp"
#include "link/frame.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

/// A link has two such spaces, and a host has many links: together they must not take all of a small address space.
constexpr std::size_t kPartOfAddressSpace = 32;

std::size_t usual_loan_bytes() {
  return std::min({os::machine_memory(), kUsualLoanBytes, os::most_address_space() / kPartOfAddressSpace});
}

void LinkMemory::Free::operator()(std::byte* memory) const noexcept {
  ::operator delete(memory, std::align_val_t(kHeaderPage));
}

namespace {

/// The space that LinkOptions::loan_bytes asks for.
LoanShape shape_for(const LinkOptions& options) {
  const std::size_t wanted = options.loan_bytes != 0 ? options.loan_bytes : usual_loan_bytes();
  return {std::bit_ceil(std::clamp(wanted, kLeastLoanBytes, kMostLoanBytes))};
}

/// The beginning of a link's memory, by which another process recognises it.
struct Preface {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t events = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t loan_bytes = 0;
};
static_assert(offsetof(Preface, loan_bytes) == offsetof(LinkHeader, loan_bytes) &&
              offsetof(Preface, events) == offsetof(LinkHeader, events) &&
              offsetof(Preface, ring_bytes) == offsetof(LinkHeader, ring_bytes));

}  // namespace

std::shared_ptr<LinkMemory> LinkMemory::create_shared(const LinkOptions& options, bool has_loans, EventShape events) {
  std::shared_ptr<LinkMemory> memory(
      new LinkMemory(options.ring_bytes, has_loans ? shape_for(options) : LoanShape(), events));
  LoanShape& loans = memory->loan_shape_;
  for (const std::size_t most = os::largest_file(); loans.space != 0 && memory->total() > most;)
    loans.space = loans.space == kLeastLoanBytes ? 0 : loans.space / 2;
  // Nobody's work depends on what is noted of it.
  EventShape& kept = memory->event_shape_;
  while (kept.events != 0 && memory->total() > os::largest_file())
    kept.events = kept.events == kLeastEvents ? 0 : kept.events / 2;
  os::SharedMemory made = os::create_sealed_memory(kMemoryName, memory->total(), memory->mapped());
  memory->fd_ = std::move(made.fd);
  memory->mapping_ = std::move(made.mapping);
  memory->base_ = memory->mapping_.data();
  memory->lay_out();
  return memory;
}

std::shared_ptr<LinkMemory> LinkMemory::attach(os::Fd fd) {
  const auto refuse = [](const std::string& why) {
    throw ProtocolError("this process was given a link that it cannot use: " + why +
                        "; build both sides with the same version of coproc");
  };
  Preface preface;  // a copy, since the other process is not trusted
  if (!os::read_at(fd, 0, std::as_writable_bytes(std::span(&preface, 1))) || preface.magic != kMagic) {
    refuse("its memory does not begin as a link's does");
  }
  if (preface.version != kProtocolVersion) {
    refuse("its protocol has version " + std::to_string(preface.version) + ", and " + std::to_string(kProtocolVersion) +
           " is spoken here");
  }
  const std::size_t ring_bytes = preface.ring_bytes, loan_bytes = preface.loan_bytes;
  if (!std::has_single_bit(ring_bytes) || ring_bytes < ring::kMinBytes || ring_bytes > ring::kMaxBytes ||
      (loan_bytes != 0 &&
       (!std::has_single_bit(loan_bytes) || loan_bytes < kLeastLoanBytes || loan_bytes > kMostLoanBytes)) ||
      !EventShape{preface.events}.is_possible()) {
    refuse("its memory has an impossible size");
  }
  std::shared_ptr<LinkMemory> memory(new LinkMemory(ring_bytes, {loan_bytes}, {preface.events}));
  if (os::size_of(fd) != memory->total()) refuse("its memory has another size than it says");
  // Memory that could shrink would let its maker end this process by SIGBUS at any access.
  if (!os::is_unshrinkable_memory(fd)) refuse("its memory is not sealed, and could shrink at any time");
  memory->mapping_ = os::map_shared(fd, memory->mapped());
  memory->fd_ = std::move(fd);
  memory->base_ = memory->mapping_.data();
  return memory;
}

std::shared_ptr<LinkMemory> LinkMemory::create_private(const LinkOptions& options, EventShape events) {
  std::shared_ptr<LinkMemory> memory(new LinkMemory(options.ring_bytes, shape_for(options), events));
  memory->heap_.reset(static_cast<std::byte*>(::operator new(memory->mapped(), std::align_val_t(kHeaderPage))));
  memory->base_ = memory->heap_.get();
  for (const int of : {0, 1}) std::ranges::fill(memory->events(of), std::byte{});
  memory->lay_out();
  return memory;
}

void LinkMemory::close_fd() noexcept {
  if (loan_shape_.space != 0) {
    const os::ForkLock no_fork;
    try {
      for (int from : {0, 1}) anchors_[from] = os::map_sparse(fd_, area_at(from), kLoanPage);
      (void)os::map_sparse_again(anchors_[0], kLoanPage);  // a filter of system calls may refuse this mremap
    } catch (const std::system_error&) {
      for (os::Mapping& anchor : anchors_) anchor.unmap();
      return;
    }
  }
  fd_.reset();
}

void LinkMemory::lay_out() noexcept {
  LinkHeader& h = *new (base_) LinkHeader{};
  h.magic = kMagic;
  h.version = kProtocolVersion;
  h.events = event_shape_.events;
  h.ring_bytes = ring_bytes_;
  h.loan_bytes = loan_shape_.space;
  for (SideWords& side : h.side) side.processor.store(-1, std::memory_order_relaxed);  // relaxed: nobody else yet
}

std::shared_ptr<LoanArea> LinkMemory::loans(int from) {
  if (loan_shape_.space == 0) return nullptr;
  const os::ForkLock no_fork;  // until children do not inherit the mapping; and for the mutex
  const os::MutexLock lock(loans_mutex_);
  std::shared_ptr<LoanArea>& area = loans_[from];
  // A worker that was forked with this end does not have its host's mapping.
  if (area == nullptr || !area->is_own_process()) {
    const std::size_t bytes = loan_shape_.total();
    os::Mapping mapping = fd_              ? os::map_sparse(fd_, area_at(from), bytes)
                          : anchors_[from] ? os::map_sparse_again(anchors_[from], bytes)
                                           : os::map_sparse_private(bytes);
    area = std::make_shared<LoanArea>(std::move(mapping), loan_shape_);
  }
  return area;
}

os::Mapping LinkMemory::window(int from, std::size_t offset, std::size_t bytes) const {
  const os::ForkLock no_fork;
  return os::map_window(anchors_[from], offset, in_loan_pages(bytes));
}

void LinkMemory::discard(int from, std::size_t offset, std::size_t bytes) const {
  if (anchors_[from]) {
    os::punch_hole(window(from, offset, bytes).data(), bytes);
  } else if (fd_.is_own()) {  // or else the program has closed it
    os::punch_hole(fd_, area_at(from) + offset, bytes);
  }
}

void LinkMemory::retire_loans(int from) noexcept {
  try {
    std::shared_ptr<LoanArea> area;
    {
      const os::ForkLock no_fork;  // as in loans()
      const os::MutexLock lock(loans_mutex_);
      area = loans_[from];
    }
    if (area != nullptr && !area->is_own_process()) return;
    std::vector<LoanArea::Stretch> rest{{0, loan_shape_.space}};
    if (area != nullptr) rest = area->retire();
    discard(from, 0, loan_shape_.words());
    for (const auto& each : rest) discard(from, loan_shape_.words() + each.offset, each.bytes);
  } catch (const std::exception&) {
    // The memory stays until the link is destroyed.
  }
}

void LinkMemory::read_unmapped(int from, std::uint64_t offset, std::span<std::byte> to) const {
  const std::size_t at = loan_shape_.words() + offset;
  if (anchors_[from]) {
    std::memcpy(to.data(), window(from, at, to.size()).data(), to.size());
  } else if (!fd_.is_own() || !os::read_at(fd_, area_at(from) + at, to)) {
    throw std::system_error(EBADF, std::generic_category(), "pread of the link's memory");
  }
}

void LinkMemory::return_unmapped(int from, std::uint32_t slot, std::uint32_t generation) const noexcept {
  const std::size_t at = slot * sizeof generation;
  const os::ForkLock no_fork;  // no child is to inherit the page
  try {
    os::Mapping page;
    if (anchors_[from]) {
      page = window(from, at / kLoanPage * kLoanPage, kLoanPage);
    } else if (!fd_.is_own() || os::write_at(fd_, area_at(from) + at, std::as_bytes(std::span(&generation, 1)))) {
      return;
    } else {
      page = os::map_part(fd_, area_at(from) + at / kLoanPage * kLoanPage, kLoanPage);
    }
    std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(page.data() + at % kLoanPage))
        .store(generation, std::memory_order_release);  // pairs with LoanArea::is_returned()
  } catch (const std::system_error&) {
    // From now on the peer has less memory to lend.
  }
}

void check_link_options(const LinkOptions& options) {
  if (!std::has_single_bit(options.ring_bytes) || options.ring_bytes < ring::kMinBytes ||
      options.ring_bytes > ring::kMaxBytes) {
    throw InvalidArgumentError("LinkOptions::ring_bytes is " + std::to_string(options.ring_bytes) +
                               ": choose a power of two from 4096 to 1073741824");
  }
  if (options.max_message_bytes == 0 || options.max_queued_bytes == 0) {
    throw InvalidArgumentError("LinkOptions::max_message_bytes and max_queued_bytes must be at least 1");
  }
  if (options.loan_bytes > kMostLoanBytes) {
    throw InvalidArgumentError("LinkOptions::loan_bytes is " + std::to_string(options.loan_bytes) +
                               ": choose at most 17592186044416, or 0 for 4 GiB, or as much as the machine has memory "
                               "or a 32nd of RLIMIT_AS if that is less");
  }
}

}  // namespace coproc::inline v0::link
