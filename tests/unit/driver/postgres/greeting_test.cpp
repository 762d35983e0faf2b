#include "driver/postgres/greeting.hpp"

#include <gtest/gtest.h>

#include <string>

namespace grant::postgres {
namespace {

using Finding = LoginScanner::Finding;
using namespace std::string_literals;

std::string number(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string message(char type, const std::string& body) {
  return type + number(body.size() + 4) + body;
}

std::string request(std::size_t code, const std::string& data = "") {
  return message('R', number(code) + data);
}

std::string scram(const std::string& iterations) {
  return request(11, "r=nonce,s=c2FsdA==,i=" + iterations);
}

Finding found_in(const std::string& bytes) { return LoginScanner().scan(bytes); }

TEST(LoginScanner, FindsARequestForThePasswordItself) {
  EXPECT_EQ(found_in(request(3)), Finding::clear_password);
  EXPECT_EQ(found_in(message('N', "a notice") + request(3)), Finding::clear_password);
  EXPECT_EQ(found_in(request(10, "SCRAM-SHA-256\0\0"s) + request(3)), Finding::clear_password);
  for (const std::size_t code : {0U, 5U, 7U, 8U, 10U, 12U}) {
    EXPECT_EQ(found_in(request(code, "data")), Finding::none) << code;
  }
}

TEST(LoginScanner, FindsWhatWouldTakeLong) {
  for (const auto* count : {"1", "4096", "1000000", "", "many"}) {
    EXPECT_EQ(found_in(scram(count)), Finding::none) << count;
  }
  for (const auto* count : {"1000001", "2000000000", "99999999999999999999999999"}) {
    EXPECT_EQ(found_in(scram(count)), Finding::costly) << count;
  }
  EXPECT_EQ(found_in(request(11, "i=2000000000,r=x")), Finding::costly);
  EXPECT_EQ(found_in(request(12, "i=2000000000")), Finding::none);
}

TEST(LoginScanner, WaitsForARequestToBeWhole) {
  const auto whole = scram("4096");
  LoginScanner scanner;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(scanner.scan(whole.substr(0, size)), Finding::incomplete) << size;
  }
  EXPECT_EQ(scanner.scan(whole), Finding::none);
}

TEST(LoginScanner, FollowsMessagesThatComeInParts) {
  LoginScanner scanner;
  const auto parameter = message('S', std::string(100, 'x'));
  EXPECT_EQ(scanner.scan(parameter.substr(0, 50)), Finding::none);
  EXPECT_EQ(scanner.scan(parameter.substr(50, 20)), Finding::none);
  EXPECT_EQ(scanner.scan(parameter.substr(70) + request(3)), Finding::clear_password);
  scanner.reset();
  EXPECT_EQ(scanner.scan(request(3)), Finding::clear_password);
}

TEST(LoginScanner, RefusesErrorsWithoutAnEnd) {
  EXPECT_EQ(found_in(message('E', "SFATAL\0C53300\0\0"s)), Finding::none);
  EXPECT_EQ(found_in("Eaaaaaaaaaaaaaaaa"), Finding::unasked);
  EXPECT_EQ(found_in(message('E', "xy")), Finding::unasked);
}

TEST(LoginScanner, TakesOneByteForAnAnswer) {
  for (const auto* answer : {"S", "N", "G", "E\0\0\0\x05x"}) {
    EXPECT_EQ(LoginScanner::scan_answer(answer), Finding::none) << answer;
  }
  EXPECT_EQ(LoginScanner::scan_answer("N" + request(3)), Finding::unasked);
  EXPECT_EQ(LoginScanner::scan_answer("S" + request(3)), Finding::unasked);
}

}  // namespace
}  // namespace grant::postgres
