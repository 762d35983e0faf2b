#include <Poco/Data/AbstractSessionImpl.h>
#include <Poco/Data/Connector.h>
#include <Poco/Data/DataException.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/SessionFactory.h>
#include <Poco/Data/SessionPool.h>

#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"

namespace grant::bench::poco {
namespace {

const std::string kName = "bench";

class FakeSession final : public Poco::Data::AbstractSessionImpl<FakeSession> {
 public:
  FakeSession() : AbstractSessionImpl("", 0) {}

  Poco::SharedPtr<Poco::Data::StatementImpl> createStatementImpl() override { return nullptr; }
  void open(const std::string&) override {}
  void close() override {}
  bool isConnected() const override { return true; }
  void setConnectionTimeout(std::size_t) override {}
  std::size_t getConnectionTimeout() const override { return 0; }
  void reset() override {}
  void begin() override {}
  void commit() override {}
  void rollback() override {}
  bool canTransact() const override { return true; }
  bool isTransaction() const override { return false; }
  void setTransactionIsolation(Poco::UInt32) override {}
  Poco::UInt32 getTransactionIsolation() const override { return 0; }
  bool hasTransactionIsolation(Poco::UInt32) const override { return false; }
  bool isTransactionIsolation(Poco::UInt32) const override { return false; }
  const std::string& connectorName() const override { return kName; }
};

class FakeConnector final : public Poco::Data::Connector {
 public:
  const std::string& name() const override { return kName; }
  Poco::AutoPtr<Poco::Data::SessionImpl> createSession(const std::string&, std::size_t) override {
    return new FakeSession;
  }
};

Poco::Data::Session ask_until_free(Poco::Data::SessionPool& pool) {
  for (;;) {
    try {
      return pool.get();
    } catch (const Poco::Data::SessionPoolExhaustedException&) {
      std::this_thread::yield();
    }
  }
}

}  // namespace

Implementation session(const Load& load) {
  return leasing("Poco, SessionPool", load, [](std::size_t connections) {
    Poco::Data::SessionFactory::instance().add(new FakeConnector);
    auto pool =
        std::make_shared<Poco::Data::SessionPool>(kName, "", 1, static_cast<int>(connections));
    return [pool](auto&& use) {
      const Poco::Data::Session session = ask_until_free(*pool);
      use();
    };
  });
}

}  // namespace grant::bench::poco
