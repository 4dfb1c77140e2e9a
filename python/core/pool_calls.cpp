#include "pool_calls.hpp"

#include <utility>

#include "lock.hpp"
#include "pickling.hpp"
#include "plain.hpp"
#include "value.hpp"

namespace coproc_python {

namespace {

using coproc::detail::Buffer;
using coproc::detail::Task;

constexpr std::size_t kLeastLarge = 64 << 10;           // bytes; smaller ones are copied
constexpr std::size_t kMostOfStretch = 1 << 20;         // bytes
constexpr std::size_t kNoLimit = std::size_t{1} << 40;  // the link has its own

/// Several calls with small arguments.
class Stretch final : public Task {
 public:
  Stretch(Buffer bytes, std::vector<std::size_t> ends) : bytes_(std::move(bytes)), ends_(std::move(ends)) {
    calls = ends_.size();
  }
  void encode(coproc::Encoder& encoder) const override {
    const std::size_t first = begin == 0 ? 0 : ends_[begin - 1];
    encoder.bytes(bytes_.data() + first, ends_[begin + calls - 1] - first);
  }

 private:
  const Buffer bytes_;
  const std::vector<std::size_t> ends_;
};

/// One call with large buffers, which are not copied before they are sent.
class LargeCall final : public Task {
 public:
  explicit LargeCall(std::unique_ptr<Pickled> argument) : argument_(std::move(argument)) {}
  ~LargeCall() override {
    if (Py_IsInitialized() == 0) {
      static_cast<void>(argument_.release());
      return;
    }
    const Locked locked;
    argument_.reset();
  }
  void encode(coproc::Encoder& encoder) const override { coproc::encode(encoder, argument_->value()); }

 private:
  std::unique_ptr<Pickled> argument_;
};

/// A call whose argument cannot be pickled: an attempt to send it throws the reason.
class FailedCall final : public Task {
 public:
  explicit FailedCall(std::exception_ptr reason) : reason_(std::move(reason)) {}
  void encode(coproc::Encoder&) const override { std::rethrow_exception(reason_); }

 private:
  std::exception_ptr reason_;
};

void encode_into(Buffer& out, const Value& value) {
  Buffer encoded;
  coproc::Encoder encoder(encoded, kNoLimit);
  coproc::encode(encoder, value);
  const auto written = encoder.written();
  out.append(written.data(), written.size());
}

/// The same value, but nothing of it is lent.
Value unshared(const Value& value) {
  Value copy;
  copy.kind = value.kind;
  copy.head = value.head;
  copy.out_parts = value.out_parts;
  copy.out_buffers = value.out_buffers;
  for (Piece& buffer : copy.out_buffers) buffer.shared = nullptr;
  return copy;
}

}  // namespace

/// Small numbers and texts are the most frequent arguments, so nothing is allocated for them.
bool CallWriter::add_plain(py::handle argument) {
  plain_.clear();
  if (!encode_plain(argument, plain_, main_names_)) return false;
  append_plain_value(bytes_, plain_);
  end_call();
  return true;
}

void CallWriter::end_call() {
  ends_.push_back(bytes_.size());
  if (ends_.size() == stretch_ || bytes_.size() >= kMostOfStretch) end_stretch();
}

void CallWriter::add(py::handle argument) {
  std::unique_ptr<Pickled> pickled;
  try {
    if (add_plain(argument)) return;
    pickled = std::make_unique<Pickled>(argument, main_names_);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt) || error.matches(PyExc_SystemExit)) throw;
    end_stretch();
    tasks_.push_back(std::make_unique<FailedCall>(std::current_exception()));
    return;
  }
  if (pickled->size() >= kLeastLarge && !copies_) {
    end_stretch();
    tasks_.push_back(std::make_unique<LargeCall>(std::move(pickled)));
    return;
  }
  if (copies_) {
    encode_into(bytes_, unshared(pickled->value()));
  } else {
    encode_into(bytes_, pickled->value());
  }
  end_call();
}

void CallWriter::end_stretch() {
  if (ends_.empty()) return;
  tasks_.push_back(std::make_unique<Stretch>(std::exchange(bytes_, {}), std::exchange(ends_, {})));
}

std::vector<coproc::detail::TaskPtr> CallWriter::take() {
  end_stretch();
  return std::exchange(tasks_, {});
}

}  // namespace coproc_python
