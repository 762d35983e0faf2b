#include "grant/driver/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grant/core/error.hpp"

namespace grant {
namespace {

class NoDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::mariadb; }
  void validate(const Url& /*url*/) const override {}
  Task<std::unique_ptr<Connection>> connect(io::Call /*call*/,
                                            ConnectOptions /*options*/) const override {
    co_return nullptr;
  }
};

// One case, because a registered driver stays.
TEST(DriverRegistry, NamesTheComponentToLinkUntilADriverRegisters) {
  try {
    static_cast<void>(find_driver(Adapter::mariadb));
    FAIL();
  } catch (const ConfigurationError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("grant::mariadb"));
  }
  static const NoDriver driver;
  register_driver(driver);
  EXPECT_EQ(&find_driver(Adapter::mariadb), &driver);
}

TEST(Adapter, HasNamesThatAreReadBack) {
  for (const auto adapter : {Adapter::postgres, Adapter::mariadb, Adapter::sqlite}) {
    EXPECT_EQ(adapter_named(to_string(adapter)), adapter);
  }
}

TEST(Adapter, UnknownNameIsRefusedWithTheOnesThereAre) {
  try {
    static_cast<void>(adapter_named("oracle"));
    FAIL();
  } catch (const ConfigurationError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("text of 6 characters"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("mariadb"));
  }
}

TEST(Epoch, ComparesOnlyWithinOneHistory) {
  const Epoch old{"a", 1};
  const Epoch promoted{"a", 2};
  const Epoch other{"b", 9};
  EXPECT_LT(old, promoted);
  EXPECT_EQ(old, (Epoch{"a", 1}));
  EXPECT_FALSE(old < other);
  EXPECT_FALSE(other < old);
  EXPECT_NE(old, other);
}

TEST(NodeKind, HasNames) {
  EXPECT_EQ(to_string(NodeKind::unknown), "unknown");
  EXPECT_EQ(to_string(NodeKind::primary), "primary");
  EXPECT_EQ(to_string(NodeKind::replica), "replica");
}

}  // namespace
}  // namespace grant
