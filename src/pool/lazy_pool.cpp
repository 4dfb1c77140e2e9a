#include "coproc/lazy_pool.hpp"

#include <algorithm>
#include <utility>

#include "coproc/errors.hpp"
#include "os/processors.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0 {

namespace detail {

namespace {

/// The indices of successive elements, as the arguments of a stretch.
class Indices final : public Task {
 public:
  Indices(std::uint64_t first, std::size_t count) noexcept : first_(first) { calls = count; }
  void encode(Encoder& encoder) const override {
    for (std::size_t i = begin; i != begin + calls; ++i) encoder.scalar(first_ + i);
  }

 private:
  std::uint64_t first_;
};

}  // namespace

bool IndexSource::pull(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) {
  while (calls != 0 && next_ != count_) {
    const std::size_t count = std::min({calls, stretch, count_ - next_});
    into.push_back(std::make_unique<Indices>(next_, count));
    next_ += count;
    calls -= count;
  }
  return next_ != count_;
}

}  // namespace detail

LazyPool::LazyPool(PoolOptions options) : options_(std::move(options)) {
  if (options_.background) {
    throw InvalidArgumentError(
        "a LazyPool has no background: its workers are forks, and there must be no other thread");
  }
  if (options_.worker.method != StartMethod::automatic && options_.worker.method != StartMethod::fork) {
    throw InvalidArgumentError("a LazyPool's workers are forks: use Pool for other start methods");
  }
  if (!options_.machines.empty()) {
    throw InvalidArgumentError("a LazyPool's workers are forks, on this machine: use Pool for PoolOptions::machines");
  }
  detail::check_pool_options(options_);
  if (options_.workers == 0) options_.workers = os::usable_processors();
}

PoolInsights LazyPool::insights() const { return latest_ == nullptr ? PoolInsights() : latest_->insights(); }

void LazyPool::interrupt() noexcept {
  if (latest_ != nullptr) latest_->interrupt();
}

PoolOptions LazyPool::options_for(std::size_t elements) const {
  PoolOptions options = options_;
  options.workers = std::clamp<std::size_t>(elements, 1, options_.workers);
  return options;
}

}  // namespace coproc::inline v0
