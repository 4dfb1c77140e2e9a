#include "process/start_request.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "os/fd_passing.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

namespace {

///  0 magic    u32
///  4 version  u32   kStartVersion
///  8 bytes    u64   of the encoded StartRequest that follows; the descriptors come with this header
struct RequestHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t bytes;
};
static_assert(sizeof(RequestHeader) == 16);
constexpr std::uint32_t kRequestMagic = 0x7472'7473;  // "strt" in bytes
constexpr std::size_t kOwnFds = 5;
constexpr std::size_t kMostBytes = std::size_t{1} << 40;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

}  // namespace

bool send_start_request(const os::Fd& socket, const StartRequest& request, std::span<const int> fds,
                        const os::Deadline& deadline) {
  detail::Buffer body;
  Encoder encoder(body, kMostBytes);
  encode(encoder, request);
  const std::span<const std::byte> bytes = encoder.written();
  const RequestHeader header{kRequestMagic, kStartVersion, bytes.size()};
  return os::send_with_fds(socket, std::as_bytes(std::span(&header, 1)), fds, deadline) &&
         os::send_with_fds(socket, bytes, {}, deadline);
}

bool receive_start_request(const os::Fd& socket, StartRequest& request, StartFds& fds) {
  RequestHeader header;
  std::vector<os::Fd> received;
  if (!os::receive_with_fds(socket, std::as_writable_bytes(std::span(&header, 1)), received)) return false;
  if (header.magic != kRequestMagic || header.version != kStartVersion || header.bytes > kMostBytes) {
    throw StartReport{StartStage::handshake, 0,
                      "host and worker are built with different versions of coproc (start protocol " +
                          std::to_string(header.version) + " and " + std::to_string(kStartVersion) +
                          "): build both with the same one"};
  }
  std::vector<std::byte> body;
  while (body.size() < header.bytes) {  // allocate for what has arrived, not for what is announced
    const std::size_t at = body.size();
    body.resize(at + static_cast<std::size_t>(std::min<std::uint64_t>(header.bytes - at, kPieceBytes)));
    if (!os::receive_with_fds(socket, std::span(body).subspan(at), received)) return false;
  }
  try {
    Decoder decoder(body, std::numeric_limits<std::size_t>::max());
    decode_into(decoder, request);
    decoder.finish();
  } catch (const DecodeError& error) {
    throw StartReport{StartStage::handshake, 0, std::string("the start request cannot be read: ") + error.what()};
  }
  if (received.size() < kOwnFds || received.size() - kOwnFds < request.keep_fds.size()) {
    throw StartReport{StartStage::handshake, 0, "the start request came without its descriptors (a limit on them?)"};
  }
  auto next = std::make_move_iterator(received.begin());
  for (os::Fd& fd : fds.standard) fd = *next++;
  fds.working_directory = *next++;
  fds.lifeline = *next++;
  const auto kept_end = next + static_cast<std::ptrdiff_t>(request.keep_fds.size());
  fds.kept.assign(next, kept_end);
  fds.payload.assign(kept_end, std::make_move_iterator(received.end()));
  return true;
}

}  // namespace coproc::inline v0::process
