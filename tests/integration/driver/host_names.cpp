#include "integration/driver/host_names.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/io/poll_loop.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/silent_server.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr const char* kName = "db.example.test";

ConnectOptions options_for(const std::string& url) {
  ConnectOptions options;
  options.url = Url::parse(url);
  options.node = "primary/test";
  return options;
}

std::unique_ptr<Connection> connect(const Driver& driver, const std::string& url, Duration limit) {
  const io::Call call(io::blocking_waiter(), Clock::system().now() + limit);
  return run(driver.connect(call, options_for(url)));
}

ErrorInfo connect_error(const Driver& driver, const std::string& url, Duration limit = kPatience) {
  return error_of([&] { connect(driver, url, limit); });
}

io::Resolver gives(std::vector<std::string> addresses) {
  return io::Resolver([addresses](const std::string& host) {
    EXPECT_EQ(host, kName);
    return addresses;
  });
}

/// A name service that answers nothing while this lives.
class HungNames {
 public:
  [[nodiscard]] io::Resolver resolver() const {
    return io::Resolver([asked = asked_, answered = answered_](const std::string&) {
      if (!asked->exchange(true)) asked->notify_all();
      answered.wait();
      return std::vector<std::string>{};
    });
  }
  void wait_until_asked() const { asked_->wait(false); }
  ~HungNames() { answer_.set_value(); }
  HungNames() = default;
  HungNames(const HungNames&) = delete;
  HungNames& operator=(const HungNames&) = delete;

 private:
  std::promise<void> answer_;
  std::shared_future<void> answered_ = answer_.get_future().share();
  std::shared_ptr<std::atomic<bool>> asked_ = std::make_shared<std::atomic<bool>>(false);
};

Task<void> note_error(io::Call call, const Driver& driver, std::string url, ErrorInfo& seen) {
  try {
    co_await driver.connect(call, options_for(url));
  } catch (const Error& error) {
    seen = error.info();
  }
}

TEST_P(HostNames, AreLookedUp) {
  const auto driver = GetParam().make_driver(gives({"127.0.0.1"}));
  EXPECT_TRUE(connect(*driver, GetParam().url(kName), kPatience)->is_open());
}

TEST_P(HostNames, AreLookedUpByTheSystem) {
  const auto driver = GetParam().make_driver(io::Resolver());
  EXPECT_TRUE(connect(*driver, GetParam().url("localhost"), kPatience)->is_open());
  const auto error = connect_error(*driver, GetParam().url("nowhere.invalid"));
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("cannot look up the host \"nowhere.invalid\": "));
}

TEST_P(HostNames, AreWhatCertificatesAreMadeOutTo) {
  const auto driver = GetParam().make_driver(io::Resolver());
  const auto connection =
      connect(*driver, GetParam().url("localhost") + GetParam().verified(), kPatience);
  EXPECT_TRUE(connection->is_open());
}

TEST_P(HostNames, AddressesAreNotLookedUp) {
  const auto driver = GetParam().make_driver(io::Resolver(
      [](const std::string&) -> std::vector<std::string> { throw std::runtime_error("asked"); }));
  EXPECT_TRUE(connect(*driver, GetParam().url("127.0.0.1"), kPatience)->is_open());
}

TEST_P(HostNames, FailedLookUpSaysWhyAndNamesTheHost) {
  const auto driver =
      GetParam().make_driver(io::Resolver([](const std::string&) -> std::vector<std::string> {
        throw std::runtime_error("no such name");
      }));
  const auto error = connect_error(*driver, GetParam().url(kName));
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.node, "primary/test");
  EXPECT_THAT(error.message,
              HasSubstr("cannot look up the host \"db.example.test\": no such name"));
  const auto nothing = connect_error(*GetParam().make_driver(gives({})), GetParam().url(kName));
  EXPECT_THAT(nothing.message, HasSubstr("no address"));
}

TEST_P(HostNames, HungLookUpEndsAtTheDeadline) {
  const HungNames names;
  const auto driver = GetParam().make_driver(names.resolver());
  const auto error = connect_error(*driver, GetParam().url(kName), 100ms);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message,
              HasSubstr("cannot look up the host \"db.example.test\": no answer within "));
  const auto verified =
      connect_error(*driver, GetParam().url(kName) + GetParam().verified(), 100ms);
  EXPECT_THAT(verified.message, HasSubstr("cannot look up"));
}

TEST_P(HostNames, HungLookUpCanBeCancelled) {
  const HungNames names;
  const auto driver = GetParam().make_driver(names.resolver());
  io::PollLoop loop;
  ErrorInfo error;
  loop.spawn(note_error(io::Call(loop), *driver, GetParam().url(kName), error));
  std::thread canceller([&] {
    names.wait_until_asked();
    loop.cancel();
  });
  loop.run();
  canceller.join();
  EXPECT_EQ(error.code, Errc::cancelled);
  EXPECT_THAT(error.message, HasSubstr("cancelled while connecting"));
}

TEST_P(HostNames, SilentAddressLeavesTimeForTheNext) {
  const SilentServer silent("127.0.0.2", GetParam().port());
  const auto driver = GetParam().make_driver(gives({"127.0.0.2", "127.0.0.1"}));
  EXPECT_TRUE(connect(*driver, GetParam().url(kName), 8s)->is_open());
}

TEST_P(HostNames, FailureTellsWhatEachAddressSaid) {
  const SilentServer silent("127.0.0.2", GetParam().port());
  const auto driver = GetParam().make_driver(gives({"127.0.0.2", "127.0.0.3"}));
  const auto error = connect_error(*driver, GetParam().url(kName), 200ms);
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.node, "primary/test");
  EXPECT_THAT(error.message,
              ::testing::MatchesRegex(
                  "node \"primary/test\": cannot connect to \"db.example.test\": 127.0.0.2: no "
                  "answer to the connection attempt within [0-9]+ ms; 127.0.0.3: .*"));
}

TEST_P(HostNames, RefusedPasswordIsNotTriedAtTheNextAddress) {
  const auto driver = GetParam().make_driver(gives({"127.0.0.1", "127.0.0.1"}));
  auto url = GetParam().url(kName);
  url.replace(url.find("app-secret"), 10, "open-sesame");
  const auto error = connect_error(*driver, url);
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, Not(HasSubstr("open-sesame")));
  EXPECT_THAT(error.message, Not(HasSubstr("127.0.0.1: ")));
}

TEST_P(HostNames, SeveralInOneUrlAreRefused) {
  const auto driver = GetParam().make_driver(io::Resolver());
  EXPECT_EQ(connect_error(*driver, GetParam().url("one.test,two.test")).code, Errc::configuration);
}

}  // namespace
}  // namespace grant::test
