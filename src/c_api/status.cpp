#include "c_api/status.hpp"

#include <exception>
#include <new>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0::c_api {

namespace {

/// The text of the last failure. A string of its own for each thread, and a constant where there is no memory for it.
thread_local std::string last_text;
thread_local const char* last_error = "";

coproc_status note(coproc_status status, const char* text) noexcept {
  try {
    last_text = text;
    last_error = last_text.c_str();
  } catch (const std::bad_alloc&) {
    last_error = "there is no memory for the text of an error";
  }
  return status;
}

/// Of an error that the host has sent, whatever its type.
coproc_status note_remote(const RemoteOrigin& origin) noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    return note(COPROC_REMOTE_ERROR, error.what());
  } catch (...) {
    return note(COPROC_REMOTE_ERROR, origin.peer().c_str());
  }
}

}  // namespace

// Derived types come before their bases.
coproc_status note_exception() noexcept {
  try {
    throw;
  } catch (const RemoteOrigin& origin) {
    return note_remote(origin);
  } catch (const EndOfMessages& end) {
    return note(COPROC_END_OF_MESSAGES, end.what());
  } catch (const ResourceRequestedClose& close) {
    return note(COPROC_CLOSE_REQUESTED, close.what());
  } catch (const TimeoutError& error) {
    return note(COPROC_TIMED_OUT, error.what());
  } catch (const HostDiedError& error) {
    return note(COPROC_HOST_DIED, error.what());
  } catch (const LinkClosedError& error) {
    return note(COPROC_LINK_CLOSED, error.what());
  } catch (const InterruptedError& error) {
    return note(COPROC_INTERRUPTED, error.what());
  } catch (const InvalidArgumentError& error) {
    return note(COPROC_INVALID_ARGUMENT, error.what());
  } catch (const StartError& error) {
    return note(COPROC_NOT_A_WORKER, error.what());
  } catch (const MessageTooLargeError& error) {
    return note(COPROC_MESSAGE_TOO_LARGE, error.what());
  } catch (const QueueFullError& error) {
    return note(COPROC_QUEUE_FULL, error.what());
  } catch (const TypeMismatchError& error) {
    return note(COPROC_WRONG_KIND, error.what());
  } catch (const NoRequestError& error) {
    return note(COPROC_NO_REQUEST, error.what());
  } catch (const DecodeError& error) {
    return note(COPROC_DECODE_ERROR, error.what());
  } catch (const ProtocolError& error) {
    return note(COPROC_PROTOCOL_ERROR, error.what());
  } catch (const ConcurrentUseError& error) {
    return note(COPROC_CONCURRENT_USE, error.what());
  } catch (const NotOwnerError& error) {
    return note(COPROC_NOT_OWNER, error.what());
  } catch (const SystemLimitError& error) {
    return note(COPROC_SYSTEM_LIMIT, error.what());
  } catch (const std::bad_alloc&) {
    return note(COPROC_NO_MEMORY, "there is no memory for this call");
  } catch (const std::exception& error) {
    return note(COPROC_FAILED, error.what());
  } catch (...) {
    return note(COPROC_FAILED, "an exception without a text");
  }
}

void require(const void* pointer, const char* function, const char* argument) {
  if (pointer != nullptr) return;
  throw InvalidArgumentError(std::string(function) + ": `" + argument +
                             "` is null: coproc/c.h says which arguments may be");
}

}  // namespace coproc::inline v0::c_api

const char* coproc_last_error(void) { return coproc::c_api::last_error; }

const char* coproc_version(void) { return COPROC_VERSION; }

const char* coproc_status_name(coproc_status status) {
  switch (status) {
#define COPROC_NAME(name) \
  case name:              \
    return #name
    COPROC_NAME(COPROC_OK);
    COPROC_NAME(COPROC_TIMED_OUT);
    COPROC_NAME(COPROC_CLOSE_REQUESTED);
    COPROC_NAME(COPROC_END_OF_MESSAGES);
    COPROC_NAME(COPROC_HOST_DIED);
    COPROC_NAME(COPROC_INTERRUPTED);
    COPROC_NAME(COPROC_INVALID_ARGUMENT);
    COPROC_NAME(COPROC_NOT_A_WORKER);
    COPROC_NAME(COPROC_MESSAGE_TOO_LARGE);
    COPROC_NAME(COPROC_QUEUE_FULL);
    COPROC_NAME(COPROC_WRONG_KIND);
    COPROC_NAME(COPROC_NO_REQUEST);
    COPROC_NAME(COPROC_REMOTE_ERROR);
    COPROC_NAME(COPROC_DECODE_ERROR);
    COPROC_NAME(COPROC_PROTOCOL_ERROR);
    COPROC_NAME(COPROC_CONCURRENT_USE);
    COPROC_NAME(COPROC_NOT_OWNER);
    COPROC_NAME(COPROC_SYSTEM_LIMIT);
    COPROC_NAME(COPROC_NO_MEMORY);
    COPROC_NAME(COPROC_LINK_CLOSED);
    COPROC_NAME(COPROC_FAILED);
#undef COPROC_NAME
    default:
      return "unknown status";
  }
}
