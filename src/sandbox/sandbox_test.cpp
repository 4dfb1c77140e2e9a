#include "coproc/sandbox.hpp"

#include <gmock/gmock.h>

#include "coproc/errors.hpp"

using coproc::InvalidArgumentError;
using coproc::Sandbox;
using coproc::detail::SandboxKind;
using ::testing::ElementsAre;

namespace {

TEST(SandboxPresets, EachFunctionReturnsAChangedCopy) {
  const Sandbox before = Sandbox::files();
  const Sandbox after = before.read("/a").write("/b").execute("/c").allow("ptrace").strict().best_effort();
  EXPECT_EQ(before, Sandbox::files());
  EXPECT_THAT(after.parts().readable, ElementsAre("/a"));
  EXPECT_THAT(after.parts().writable, ElementsAre("/b"));
  EXPECT_THAT(after.parts().executable, ElementsAre("/c"));
  EXPECT_THAT(after.parts().calls, ElementsAre("ptrace"));
  EXPECT_TRUE(after.parts().is_strict && after.parts().is_best_effort);
  EXPECT_THAT(Sandbox::client().connect({80}).connect({443}).parts().ports, ElementsAre(80, 443));
}

TEST(SandboxPresets, ComputeBecomesFilesByAPath) {
  EXPECT_EQ(Sandbox::compute().read("/a"), Sandbox::files().read("/a"));
  EXPECT_EQ(Sandbox::client().read("/a").parts().kind, SandboxKind::client);
}

TEST(SandboxPresets, WhatMakesNoSenseIsRefused) {
  EXPECT_THROW((void)Sandbox::guard().read("/a"), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::guard().allow("ptrace"), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::compute().connect({80}), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::files().read(""), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::files().write(std::string("/a\0b", 4)), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::compute().allow("frobnicate"), InvalidArgumentError);
  EXPECT_THROW((void)Sandbox::compute().allow("fstat64"), InvalidArgumentError);
}

}  // namespace
