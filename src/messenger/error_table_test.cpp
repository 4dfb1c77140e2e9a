#include "messenger/error_table.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "coproc/coproc.hpp"
#include "messenger/access.hpp"

namespace coproc {
namespace {

// An error type of a library that is loaded and unloaded, with its row in the table.
struct PluginError : std::runtime_error {
  using runtime_error::runtime_error;
};

detail::ErrorType row_of_a_library() {
  return {detail::error_type_id<PluginError>(),       &typeid(PluginError),
          &detail::describe_error_type<PluginError>,  &detail::error_text<PluginError>,
          &detail::encode_error<PluginError>,         &detail::decode_error<PluginError>,
          &detail::encode_current_error<PluginError>, nullptr};
}

std::string received() {
  detail::Buffer payload;
  detail::ErrorType row = row_of_a_library();
  const PluginError error("of a plug-in");
  detail::encode_error_payload(payload, 10'000, row, &error);
  try {
    std::rethrow_exception(detail::decode_error_payload(payload.span(), 10'000, RemoteOrigin("worker", 1)).error);
  } catch (const PluginError&) {
    return "PluginError";
  } catch (const RemoteError&) {
    return "RemoteError";
  }
}

TEST(ErrorTable, KnowsATypeWhileALibraryThatKnowsItIsLoaded) {
  EXPECT_EQ(received(), "RemoteError");
  detail::ErrorType first = row_of_a_library(), second = row_of_a_library();
  std::optional<detail::ErrorRegistration> one(first), two(second);
  EXPECT_EQ(received(), "PluginError");
  one.reset();
  first.decode = nullptr;  // must not be called any more
  EXPECT_EQ(received(), "PluginError");
  two.reset();
  EXPECT_EQ(received(), "RemoteError");
}

// A library's TypeInfo may have the address of the TypeInfo of another library that was unloaded.
TEST(OneProcessUnloadedTypes, AreIdentifiedByTheirIdsAndNotByTheirAddresses) {
  auto [a, b] = PriorityMessenger::new_pair();
  TypeInfo info = type_info<int>;
  const int five = 5;
  detail::Outgoing value = detail::outgoing(five);
  detail::OutgoingTraits traits = *value.traits;
  traits.type = &info;
  value.traits = &traits;
  detail::Core& core = *detail::MessengerAccess::core(a);
  core.send(value, {}, {});
  info = type_info<float>;
  core.send(value, {}, {});
  EXPECT_EQ(b.receive_blocking<int>(), 5);
  EXPECT_THROW((void)b.receive_blocking<int>(), TypeMismatchError);
}

}  // namespace
}  // namespace coproc
