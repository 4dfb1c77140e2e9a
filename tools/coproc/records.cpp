#include "records.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace command {

namespace {
constexpr std::size_t kHead = 4;
}

std::optional<std::string_view> Records::found(std::size_t begin, std::size_t size, std::size_t end) noexcept {
  end_ = end;
  return std::string_view(buffer_).substr(begin, size);
}

std::optional<std::string_view> Records::next() { return is_msgpack_ ? next_record() : next_line(); }

std::optional<std::string_view> Records::next_line() {
  const std::size_t end = buffer_.find('\n', std::max(begin_, searched_));
  const std::size_t size = (end == std::string::npos ? buffer_.size() : end) - begin_;
  if (size > max_bytes_) throw_too_large();
  searched_ = end == std::string::npos ? buffer_.size() : end;
  if (end == std::string::npos) return std::nullopt;
  return found(begin_, size, end + 1);
}

std::optional<std::string_view> Records::next_record() {
  if (buffer_.size() - begin_ < kHead) return std::nullopt;
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < kHead; ++i) size = size << 8 | static_cast<std::uint8_t>(buffer_[begin_ + i]);
  if (size > max_bytes_) throw_too_large();
  if (size == 0) {
    throw std::runtime_error(
        "printed a record of 0 bytes, which are no MessagePack: a record is its length in 4 bytes, "
        "big-endian, and as many bytes of one value");
  }
  if (buffer_.size() - begin_ - kHead < size) return std::nullopt;
  return found(begin_ + kHead, size, begin_ + kHead + size);
}

std::optional<std::string_view> Records::last() {
  if (auto record = next()) return record;
  if (begin_ == buffer_.size()) return std::nullopt;
  if (is_msgpack_) {
    throw std::runtime_error("ended in the middle of a record: " + std::to_string(buffer_.size() - begin_) +
                             " bytes of it came");
  }
  return found(begin_, buffer_.size() - begin_, buffer_.size());
}

void Records::drop() noexcept {
  begin_ = end_;
  if (begin_ < buffer_.size() && begin_ < 65536) return;  // moving the rest is worth it now and then
  buffer_.erase(0, begin_);
  begin_ = end_ = searched_ = 0;
}

void Records::throw_too_large() const {
  throw std::runtime_error((is_msgpack_ ? "printed a record of more than " : "printed a line of more than ") +
                           std::to_string(max_bytes_) +
                           " bytes: raise --max-bytes if that is meant (or does it not speak what coproc bridge was "
                           "told, --lines or --msgpack?)");
}

void append_record(std::string& to, std::string_view bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(bytes.size() >> shift & 0xff);
  to += bytes;
}

}  // namespace command
