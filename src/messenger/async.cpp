// Operations that wait without a thread: what has come is delivered to them.
#include <algorithm>
#include <chrono>
#include <exception>
#include <string>

#include "coproc/detail/async.hpp"
#include "coproc/errors.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

std::exception_ptr Core::serve(AsyncOperations& waiting, AsyncOperations& done, bool is_all, bool looks_at_peer) {
  const CallGuard guard(*this);
  const auto serve_kind = [&](bool messages, bool in_place) {
    for (AsyncOperation *next, *each = waiting.first(); each != nullptr; each = next) {
      next = AsyncOperations::behind(*each);
      if ((each->kind == AsyncOperation::Kind::message) != messages) continue;
      try {
        if (!with_memory(*this, [&] { return serve_one(*each, in_place); })) continue;
      } catch (const WorkerDiedError&) {
        if (each->request && is_supervised()) {  // it is not sent, and its supervisor is asked first
          peer_gone_ = true;
          continue;
        }
        each->error = std::current_exception();
      } catch (const LinkClosedError&) {
        if (each->request && retires_peer_) continue;  // it is sent to the next worker
        each->error = std::current_exception();
      } catch (...) {
        each->error = std::current_exception();
      }
      done.take(*each);
    }
  };
  std::exception_ptr end;  // of every wait
  for (bool looks_again = true; looks_again && !waiting.empty();) {
    looks_again = false;
    end = nullptr;
    try {
      if (link_->is_interrupted()) (void)wait(os::Deadline(std::chrono::seconds(0)), true, 0);  // takes it
      throw_if_close_requested();
      if (is_all && waiting.has_one()) {
        serve_kind(false, true);
        if (waiting.empty()) break;  // another look would pause: see Link::look()
      }
      drain(Stop::at_error);
      send_owed();
      link_->serve_watched();
    } catch (...) {
      end = std::current_exception();
    }
    serve_kind(false, false);  // first: a receive would take the replies that others wait for
    serve_kind(true, false);
    if (waiting.empty()) break;
    if (end == nullptr && reader_.holds_error()) {  // for one of them, as it is for one receive
      waiting.first()->error = reader_.take_error();
      done.take(*waiting.first());
      looks_again = true;
      continue;
    }
    try {
      if (end == nullptr) looks_again = throw_what_ends_waits(looks_at_peer);
    } catch (...) {
      end = std::current_exception();
    }
  }
  if (is_all) operations_saw_ = reader_.next_sequence();
  return waiting.empty() ? nullptr : end;
}

/// Delivers what the operation waits for, if it is there. `in_place`: a reply straight from the link, before that
/// is drained.
bool Core::serve_one(AsyncOperation& operation, bool in_place) {
  if (operation.is_stopped) throw CancelledError("the operation on " + options_.peer.name + " was cancelled");
  const auto is_late = [&] {
    return operation.deadline != AsyncOperation::kNever && os::now_ns() >= operation.deadline;
  };
  if (operation.request) {
    const auto id = try_send_as<FrameKind::request>(*operation.request, operation.channel, std::nullopt);
    if (id) {
      operation.id = RequestId{*id};
      operation.request.reset();
    } else if (is_late()) {
      throw TimeoutError("no space for the call to " + options_.peer.name + " in the time given: nothing was sent");
    }
    return false;
  }
  if (operation.kind == AsyncOperation::Kind::message) {
    Channel& channel = channels_.of(operation.channel);
    if (Entry* const front = inbox_.front(channel.index)) {
      take_and_deliver(channel, *front, operation.to);
      return true;
    }
    if (!is_late()) return false;
    throw TimeoutError("no message on channel " + channel.id.describe() + " from " + options_.peer.name +
                       " came in the time given");
  }
  const auto number = static_cast<std::uint64_t>(operation.id);
  if (operation.kind == AsyncOperation::Kind::part) {
    Part part = Part::none;
    try {
      part = take_part(number, operation.to);
      if (part == Part::none && !in_place && is_late()) throw_no_part(number);
    } catch (...) {
      operation.is_over = !reads_stream(number);
      throw;
    }
    operation.is_over = part == Part::last || part == Part::over;
    return part != Part::none;
  }
  const std::uint32_t* const index = requests_.channel_of(number);
  if (index == nullptr) {
    throw NoRequestError("request " + std::to_string(number) + " to " + options_.peer.name +
                         " is not outstanding: it was not sent here, or its reply has been received");
  }
  Channel& channel = channels_.at(*index);
  if (in_place) return receive_reply_in_place(channel, number, operation.to);
  if (Entry* const reply = inbox_.find_reply(number)) {
    if (operation.to.traits->type != nullptr && reply->kind == FrameKind::reply) {
      check_type(reply->type, channel.id, *operation.to.traits->type);
    }
    take_and_deliver(channel, *reply, operation.to, false);
    return true;
  }
  if (!is_late()) return false;
  throw TimeoutError("no reply to request " + std::to_string(number) + " on channel " + channel.id.describe() +
                     " from " + options_.peer.name + " came in the time given");
}

/// Throws what a receive would throw instead of sleeping. Returns whether the caller must look once more, since the
/// peer has ended, and may have sent something before.
bool Core::throw_what_ends_waits(bool looks_at_peer) {
  if (end_received() && !has_thrown_end_of_messages_) throw_end_of_messages();
  if (peer_gone_) report_peer_gone();
  if (is_known_gone() || (looks_at_peer && link_->peer_has_ended())) return peer_gone_ = true;
  if (reader_.is_inbox_full()) {
    throw QueueFullError("nothing can come from " + options_.peer.name + ": the inbox is full, mostly of channel " +
                         channels_.at(inbox_.fullest()).id.describe() +
                         "; receive these, or raise LinkOptions::max_queued_bytes");
  }
  if (end_received()) throw_end_of_messages();
  if (close_requests_thrown_ != 0) throw_close_request();
  return false;
}

void Core::wait_for_news(const os::Deadline& deadline) {
  const CallGuard guard(*this);
  if (wait(deadline, true, std::max(room_for_owed(), room_wanted_at_ ? room_wanted_ : 0)) == link::WaitEnd::peer_gone)
    peer_gone_ = true;
}

}  // namespace coproc::inline v0::detail
