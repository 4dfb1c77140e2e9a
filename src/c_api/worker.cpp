// The worker's entry, and what concerns it as a whole.
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "c_api/handles.hpp"
#include "c_api/payload.hpp"
#include "c_api/status.hpp"
#include "coproc/detail/travel.hpp"
#include "coproc/errors.hpp"
#include "coproc/this_worker.hpp"

namespace {

using coproc::InvalidArgumentError;
using coproc::c_api::guarded;
using coproc::c_api::Packed;
using coproc::c_api::require;

struct Plan {
  coproc_target target;
  void* context;
  coproc_kind argument;
  int code = 0;  // what the target has returned
};

std::string take_argument(coproc_kind kind, coproc::Decoder& decoder) {
  std::string bytes;
  if (kind == COPROC_TEXT) bytes = coproc::decode<std::string>(decoder);
  if (kind == COPROC_MSGPACK) bytes = coproc::decode<Packed>(decoder).in;
  if (kind == COPROC_BYTES) {
    const auto vector = coproc::decode<std::vector<std::byte>>(decoder);
    if (!vector.empty()) bytes.assign(reinterpret_cast<const char*>(vector.data()), vector.size());
  }
  decoder.finish();
  return bytes;
}

void run_plan(void* context, coproc::Messenger& messenger, coproc::detail::ReceivedArguments& arguments) {
  Plan& plan = *static_cast<Plan*>(context);
  coproc_host host{messenger, take_argument(plan.argument, arguments.decoder)};
  plan.code = plan.target(&host, plan.context);
  if (host.failure) throw std::runtime_error(*host.failure);
}

std::vector<const coproc::TypeInfo*> types_of(coproc_kind argument) {
  switch (argument) {
    case COPROC_NOTHING:
      return {};
    case COPROC_TEXT:
      return {&coproc::type_info<std::string>};
    case COPROC_BYTES:
      return {&coproc::type_info<std::vector<std::byte>>};
    case COPROC_MSGPACK:
      return {&coproc::type_info<Packed>};
    default:
      throw InvalidArgumentError("coproc_run_worker: " + std::to_string(argument) +
                                 " is no kind of start arguments: COPROC_NOTHING, COPROC_TEXT, COPROC_BYTES and "
                                 "COPROC_MSGPACK are");
  }
}

}  // namespace

int coproc_is_worker(void) { return coproc::this_worker::is_worker() ? 1 : 0; }

coproc_status coproc_run_worker(coproc_target target, void* context, coproc_kind argument, int* exit_code) {
  return guarded([&] {
    if (target == nullptr) require(nullptr, "coproc_run_worker", "target");
    require(exit_code, "coproc_run_worker", "exit_code");
    const auto types = types_of(argument);
    Plan plan{target, context, argument};
    try {
      const int code = coproc::detail::run_this_worker({&run_plan, &plan, types, true});
      *exit_code = code == 0 ? plan.code : code;
    } catch (const coproc::StartError& error) {
      throw coproc::StartError(error.stage(), 0,
                               "program was not started by a host of coproc, as an Executable in C++ or a "
                               "ProgramResource in Python is, or it calls coproc_run_worker again: see "
                               "coproc_is_worker");
    }
  });
}

coproc_status coproc_start_argument(coproc_host* host, const void** data, size_t* size) {
  return guarded([&] {
    require(host, "coproc_start_argument", "host");
    require(data, "coproc_start_argument", "data");
    require(size, "coproc_start_argument", "size");
    *data = host->argument.c_str();
    *size = host->argument.size();
  });
}

coproc_status coproc_fail(coproc_host* host, const char* text) {
  return guarded([&] {
    require(host, "coproc_fail", "host");
    require(text, "coproc_fail", "text");
    host->failure = text;
  });
}

int coproc_close_requested(const coproc_host* host) {
  return host != nullptr && host->messenger.close_requested() ? 1 : 0;
}

coproc_status coproc_interrupt(coproc_host* host) {
  return guarded([&] {
    require(host, "coproc_interrupt", "host");
    host->messenger.interrupt();
  });
}

coproc_status coproc_native_handle(coproc_host* host, int* fd) {
  return guarded([&] {
    require(host, "coproc_native_handle", "host");
    require(fd, "coproc_native_handle", "fd");
    *fd = host->messenger.native_handle();
  });
}
