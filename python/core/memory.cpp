#include "memory.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

namespace coproc_python {

namespace {

struct Buffer {
  explicit Buffer(Memory kept) : memory(std::move(kept)) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  virtual ~Buffer() = default;

  Memory memory;
};

std::uint32_t process = 1;  // another one in each fork

/// All lendable memories of this process, by their addresses. Guarded by the interpreter's lock. A fork has none of its
/// parent's: what it receives may lie at the same address.
std::map<const void*, const Memory*>& lendables() {
  using Lendables = std::map<const void*, const Memory*>;
  static Lendables* all = nullptr;  // never destroyed: objects may outlive the module, and a fork may have half of one
  static std::uint32_t process_of_all = 0;
  if (process_of_all != process) {
    process_of_all = process;
    all = new Lendables;
  }
  return *all;
}

struct Lendable final : Buffer {
  explicit Lendable(Memory kept) : Buffer(std::move(kept)), address(memory.empty() ? nullptr : memory.data()) {
    if (address != nullptr) lendables()[address] = &memory;
  }
  Lendable(const Lendable&) = delete;
  Lendable& operator=(const Lendable&) = delete;
  ~Lendable() override {
    const auto at = lendables().find(address);
    if (at != lendables().end() && at->second == &memory) lendables().erase(at);
  }

  const void* address;
};

class Reader {
 public:
  explicit Reader(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  py::bytes read(py::ssize_t size) {
    const std::size_t count = size < 0 ? remaining() : std::min(remaining(), static_cast<std::size_t>(size));
    auto bytes = py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(count)));
    if (!bytes) throw py::error_already_set();
    take(PyBytes_AS_STRING(bytes.ptr()), count);
    return bytes;
  }

  std::size_t read_into(const py::buffer& to) {
    const py::buffer_info info = to.request(true);
    const std::size_t count = std::min(remaining(), static_cast<std::size_t>(info.size * info.itemsize));
    take(info.ptr, count);
    return count;
  }

  /// Reads up to a newline. Only opcodes of old protocols need it, but a peer may send those.
  py::bytes read_line() {
    std::string line;
    while (remaining() != 0) {
      char next = 0;
      take(&next, 1);
      line += next;
      if (next == '\n') break;
    }
    return line;
  }

 private:
  std::size_t remaining() const {
    std::size_t sum = 0;
    for (std::size_t i = piece_; i < pieces_.size(); ++i) sum += pieces_[i].size;
    return sum - at_;
  }
  void take(void* to, std::size_t count) {
    while (count != 0) {
      const Piece& piece = pieces_[piece_];
      const std::size_t here = std::min(count, piece.size - at_);
      std::memcpy(to, static_cast<const char*>(piece.data) + at_, here);
      to = static_cast<char*>(to) + here;
      count -= here;
      at_ += here;
      if (at_ == piece.size) {
        ++piece_;
        at_ = 0;
      }
    }
  }

  std::vector<Piece> pieces_;
  std::size_t piece_ = 0;
  std::size_t at_ = 0;  // in pieces_[piece_]
};

}  // namespace

py::object as_buffer(Memory memory) { return py::cast(std::make_unique<Buffer>(std::move(memory))); }
py::object as_lendable(Memory memory) {
  return py::cast(std::unique_ptr<Buffer>(std::make_unique<Lendable>(std::move(memory))));
}

const Memory* lendable_at(const void* data, std::size_t size) {
  const auto at = lendables().find(data);
  return at != lendables().end() && at->second->size() == size ? at->second : nullptr;
}

py::object reader_of(std::vector<Piece> pieces) { return py::cast(std::make_unique<Reader>(std::move(pieces))); }

void bind_memory(py::module_& module) {
  ::pthread_atfork(nullptr, nullptr, [] { ++process; });
  py::class_<Buffer>(module, "SharedMemory", py::buffer_protocol(), "Memory that two processes share: bytes, writable.")
      .def_buffer([](Buffer& buffer) {
        return py::buffer_info(buffer.memory.data(), 1, "B", 1, {static_cast<py::ssize_t>(buffer.memory.size())}, {1});
      })
      .def("__len__", [](const Buffer& buffer) { return buffer.memory.size(); });
  py::class_<Reader>(module, "Reader")
      .def("read", &Reader::read)
      .def("readinto", &Reader::read_into)
      .def("readline", &Reader::read_line);
}

}  // namespace coproc_python
