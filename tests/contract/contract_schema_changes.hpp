#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "contract/contract.hpp"

namespace grant::contract {

/// A table of one column, made anew with other types.
class SchemaChange : public Contract {
 protected:
  /// A type of column, and a value of it that no other of these types holds unchanged.
  struct Kind {
    const char* type;
    ValueView value;
  };

  /// The ways for a value to go in.
  enum class Way : std::uint8_t { execute, pipeline, load };

  void SetUp() override;
  void TearDown() override;

  Connection& other() { return *other_; }

  void make_anew(Connection& by, std::string_view type);
  void put(Way way, ValueView value);

  /// What comes out must be what went in, whichever way; nothing is left.
  void expect_all_ways(ValueView value);
  static void expect_cell(const Result& rows, ValueView value);

  /// Everything that is kept of the table is kept from now on.
  void warm_up(const Kind& kind);

  static std::vector<Kind> kinds();

  std::string name_;
  std::string insert_;
  std::string select_;

 private:
  std::unique_ptr<Connection> other_;
};

}  // namespace grant::contract
