// The presets of a sandbox and what changes them.
#include "coproc/sandbox.hpp"

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "sandbox/calls.hpp"

namespace coproc::inline v0 {

namespace {

using detail::SandboxKind;
using detail::SandboxParts;

void refuse_for_guard(const SandboxParts& parts, const char* what) {
  if (parts.kind != SandboxKind::guard) return;
  throw InvalidArgumentError(std::string("Sandbox::") + what +
                             ": guard() leaves files, network and programs as they are; begin with compute(), files() "
                             "or client()");
}

/// The parts with the kind that knows of files.
SandboxParts with_files(SandboxParts parts, const char* what) {
  refuse_for_guard(parts, what);
  if (parts.kind == SandboxKind::compute) parts.kind = SandboxKind::files;
  return parts;
}

std::string checked(std::string path, const char* what) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw InvalidArgumentError(std::string("Sandbox::") + what + " needs a path, and not \"" +
                               detail::in_one_line(path) + "\"");
  }
  return path;
}

}  // namespace

Sandbox Sandbox::guard() { return Sandbox(SandboxParts{.kind = SandboxKind::guard}); }
Sandbox Sandbox::compute() { return Sandbox(SandboxParts{.kind = SandboxKind::compute}); }
Sandbox Sandbox::files() { return Sandbox(SandboxParts{.kind = SandboxKind::files}); }
Sandbox Sandbox::client() { return Sandbox(SandboxParts{.kind = SandboxKind::client}); }

Sandbox Sandbox::read(std::string path) const {
  SandboxParts parts = with_files(parts_, "read");
  parts.readable.push_back(checked(std::move(path), "read"));
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::write(std::string path) const {
  SandboxParts parts = with_files(parts_, "write");
  parts.writable.push_back(checked(std::move(path), "write"));
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::execute(std::string path) const {
  SandboxParts parts = with_files(parts_, "execute");
  parts.executable.push_back(checked(std::move(path), "execute"));
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::system() const {
  SandboxParts parts = with_files(parts_, "system");
  parts.has_system = true;
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::connect(std::vector<std::uint16_t> ports) const {
  SandboxParts parts = parts_;
  if (parts.kind != SandboxKind::client) {
    throw InvalidArgumentError("Sandbox::connect: only client() has a network; begin with it");
  }
  parts.ports.insert(parts.ports.end(), ports.begin(), ports.end());
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::allow(std::string_view call) const {
  SandboxParts parts = parts_;
  refuse_for_guard(parts, "allow");
  if (!sandbox::number_of_call(call)) {
    throw InvalidArgumentError("Sandbox::allow: coproc knows no system call \"" + detail::in_one_line(call) +
                               "\": use the kernel's name, such as \"newfstatat\" for what the C library calls fstat");
  }
  parts.calls.emplace_back(call);
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::strict() const {
  SandboxParts parts = parts_;
  parts.is_strict = true;
  return Sandbox(std::move(parts));
}

Sandbox Sandbox::best_effort() const {
  SandboxParts parts = parts_;
  parts.is_best_effort = true;
  return Sandbox(std::move(parts));
}

}  // namespace coproc::inline v0
