#include "link/link_memory.hpp"

#include <bit>
#include <cstring>
#include <new>
#include <string>

#include "coproc/errors.hpp"
#include "link/frame.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::link {

void LinkMemory::Free::operator()(std::byte* memory) const noexcept {
  ::operator delete(memory, std::align_val_t(kHeaderPage));
}

std::shared_ptr<LinkMemory> LinkMemory::create_shared(std::size_t ring_bytes) {
  std::shared_ptr<LinkMemory> memory(new LinkMemory(ring_bytes));
  os::SharedMemory made = os::create_sealed_memory("coproc-link", memory->total());
  memory->fd_ = std::move(made.fd);
  memory->mapping_ = std::move(made.mapping);
  memory->base_ = memory->mapping_.data();
  memory->lay_out();
  return memory;
}

std::shared_ptr<LinkMemory> LinkMemory::attach(os::Fd fd) {
  const std::size_t size = os::size_of(fd);
  const std::size_t ring_bytes = size < kHeaderPage ? 0 : (size - kHeaderPage) / 2;
  const auto refuse = [](const std::string& why) {
    throw ProtocolError("this process was given a link that it cannot use: " + why +
                        "; build both sides with the same version of coproc");
  };
  if (!std::has_single_bit(ring_bytes) || ring_bytes < ring::kMinBytes || ring_bytes > ring::kMaxBytes) {
    refuse("its memory has an impossible size");
  }
  std::shared_ptr<LinkMemory> memory(new LinkMemory(ring_bytes));
  memory->mapping_ = os::map_shared(fd, memory->total());
  memory->fd_ = std::move(fd);
  memory->base_ = memory->mapping_.data();
  const LinkHeader& header = memory->header();
  if (header.magic != kMagic) refuse("its memory does not begin as a link's does");
  if (header.version != kProtocolVersion || header.ring_bytes != ring_bytes) {
    refuse("its protocol has version " + std::to_string(header.version) + ", and " + std::to_string(kProtocolVersion) +
           " is spoken here");
  }
  return memory;
}

std::shared_ptr<LinkMemory> LinkMemory::create_private(std::size_t ring_bytes) {
  std::shared_ptr<LinkMemory> memory(new LinkMemory(ring_bytes));
  memory->heap_.reset(static_cast<std::byte*>(::operator new(memory->total(), std::align_val_t(kHeaderPage))));
  memory->base_ = memory->heap_.get();
  memory->lay_out();
  return memory;
}

void LinkMemory::lay_out() noexcept {
  LinkHeader& h = *new (base_) LinkHeader{};
  h.magic = kMagic;
  h.version = kProtocolVersion;
  h.ring_bytes = ring_bytes_;
  for (SideWords& side : h.side) side.processor.store(-1, std::memory_order_relaxed);  // relaxed: nobody else yet
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
}

}  // namespace coproc::inline v0::link
