#include "process/worker_identity.hpp"

#include <atomic>
#include <optional>

#include "os/random.hpp"

namespace coproc::inline v0::process {

namespace {

std::atomic<std::uint64_t> next_number{0};

std::optional<WorkerIdentity>& stored() noexcept {
  static std::optional<WorkerIdentity> identity;
  return identity;
}

/// Turns numbers that lie close together into seeds that have nothing in common (splitmix64).
std::uint64_t mixed(std::uint64_t seed, std::uint64_t number) noexcept {
  std::uint64_t bits = seed + (number + 1) * 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

}  // namespace

WorkerIdentity new_identity(const WorkerOptions& options) noexcept {
  // relaxed: each number only has to be given once
  const std::uint64_t count = next_number.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t number = options.number.value_or(count);
  return {number, options.seed ? mixed(*options.seed, number) : os::random_number()};
}

void assume_identity(const WorkerIdentity& identity, bool reseeds) noexcept {
  stored() = identity;
  if (reseeds) os::seed_c_library(identity.seed);
}

const WorkerIdentity& own_identity() noexcept {
  if (!stored()) stored() = {0, os::random_number()};
  return *stored();
}

}  // namespace coproc::inline v0::process
