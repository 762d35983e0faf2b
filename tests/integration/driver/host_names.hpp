#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "grant/driver/driver.hpp"
#include "grant/io/resolver.hpp"

namespace grant::test {

/// A driver that looks up host names, and its server, which listens on 127.0.0.1 only.
struct NamedServer {
  std::unique_ptr<Driver> (*make_driver)(io::Resolver resolver);
  std::string (*url)(const std::string& host);  ///< Of the primary, by the name `host`.
  int (*port)();
  /// The URL parameters that ask for a certificate made out to the host.
  std::string (*verified)();
};

/// The tests in host_names.cpp, which every driver for a server passes.
class HostNames : public ::testing::TestWithParam<NamedServer> {};

}  // namespace grant::test
