#include "errors.hpp"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>

namespace grant::mariadb {
namespace {

struct Rule {
  unsigned int number;
  Errc code;
};

// What is not here is the caller's to fix: invalid_argument.
constexpr std::array rules{
    Rule{1020, Errc::conflict},  // the row has changed since the snapshot
    Rule{1213, Errc::conflict},  // deadlock; on Galera also a conflict at COMMIT
    Rule{1412, Errc::conflict},  // the table has changed since the snapshot
    Rule{1615, Errc::conflict},  // the table keeps changing; a new transaction prepares anew

    Rule{1022, Errc::constraint},  // duplicate key
    Rule{1048, Errc::constraint},  // null where null is not allowed
    Rule{1062, Errc::constraint},  // duplicate entry
    Rule{1169, Errc::constraint},  // duplicate, by unique
    Rule{1216, Errc::constraint},  // foreign keys, to a user who may not see which
    Rule{1217, Errc::constraint},
    Rule{1364, Errc::constraint},  // no value, no default, not null
    Rule{1369, Errc::constraint},  // a view's CHECK OPTION
    Rule{1451, Errc::constraint},  // foreign keys
    Rule{1452, Errc::constraint},
    Rule{1557, Errc::constraint},
    Rule{1586, Errc::constraint},  // duplicate entry
    Rule{1761, Errc::constraint},  // foreign keys
    Rule{1762, Errc::constraint},
    Rule{1859, Errc::constraint},  // duplicate entry, of a value that is not known
    Rule{4025, Errc::constraint},  // CHECK

    Rule{1205, Errc::timeout},  // innodb_lock_wait_timeout or NOWAIT: the transaction goes on
    Rule{1969, Errc::timeout},  // max_statement_time
    Rule{3024, Errc::timeout},  // MySQL's max_execution_time
    Rule{1317, Errc::cancelled},

    Rule{1290, Errc::read_only},  // read_only; other options are told apart below
    Rule{kReadOnlyTransaction, Errc::read_only},
    Rule{1836, Errc::read_only},
    Rule{1874, Errc::read_only},  // innodb_read_only

    Rule{1015, Errc::unavailable},  // the node's machine failed it
    Rule{1021, Errc::unavailable},  // disk full
    Rule{1030, Errc::unavailable},  // error from the storage engine
    Rule{1037, Errc::unavailable},  // out of memory
    Rule{1038, Errc::unavailable},
    Rule{1040, Errc::unavailable},  // too many connections
    Rule{1041, Errc::unavailable},
    Rule{1047, Errc::unavailable},  // Galera: not part of the primary component
    Rule{1114, Errc::unavailable},  // table full
    Rule{1129, Errc::unavailable},  // this host is blocked after too many errors
    Rule{1194, Errc::unavailable},  // a damaged table
    Rule{1195, Errc::unavailable},
    Rule{1203, Errc::unavailable},  // too many connections of this user
    Rule{1226, Errc::unavailable},

    Rule{1461, Errc::configuration},  // too many prepared statements: not the node's failure
};

// Everything else may pass: the node is unavailable.
constexpr std::array connect_rules{
    Rule{1044, Errc::configuration},  // no privilege for the database
    Rule{1045, Errc::configuration},  // user or password
    Rule{1049, Errc::configuration},  // no such database
    Rule{1130, Errc::configuration},  // no user from this host
    Rule{1193, Errc::configuration},  // a setting that the server is too old for
    Rule{1231, Errc::configuration},
    Rule{1251, Errc::configuration},  // the client library is too old for the account
    Rule{1275, Errc::configuration},
    Rule{1524, Errc::configuration},  // the account's plugin is not loaded
    Rule{1698, Errc::configuration},  // user or password
    Rule{1820, Errc::configuration},  // the password has expired
    Rule{1862, Errc::configuration},
    Rule{4151, Errc::configuration},  // the account is locked
    Rule{CR_CONN_UNKNOWN_PROTOCOL, Errc::configuration},
    Rule{CR_AUTH_PLUGIN_CANNOT_LOAD, Errc::configuration},
    Rule{CR_AUTH_PLUGIN_ERR, Errc::configuration},
    Rule{CR_PLUGIN_NOT_ALLOWED, Errc::configuration},
};

template <std::size_t Count>
Errc find_rule(const std::array<Rule, Count>& table, unsigned int number, Errc otherwise) noexcept {
  const auto* const rule = std::ranges::find(table, number, &Rule::number);
  return rule == table.end() ? otherwise : rule->code;
}

bool contains(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != std::string_view::npos;
}

/// The name that stands in quotes after the last `before`; empty when there is no such thing.
std::string_view quoted_after(std::string_view text, std::string_view before) {
  const auto found = text.rfind(before);
  if (found == std::string_view::npos) return {};
  text.remove_prefix(found + before.size());
  // Which quotes they are depends on the message, and on ANSI_QUOTES.
  if (text.empty() || std::string_view("'`\"").find(text[0]) == std::string_view::npos) return {};
  const auto end = text.find(text[0], 1);
  return end == std::string_view::npos ? std::string_view{} : text.substr(1, end - 1);
}

bool is_duplicate(unsigned int number) noexcept {
  return number == 1062 || number == 1586 || number == 1859;
}

/// True where what the message quotes in '...' is data.
bool quotes_a_value(unsigned int number) noexcept {
  constexpr std::array numbers{1231U,  // variable can't be set to the value of '...'
                               1292U,  // incorrect datetime value, truncated incorrect double
                               1300U,  // invalid character string
                               1366U,  // incorrect integer value
                               1367U,  // illegal value found during parsing
                               1411U,  // incorrect value for function
                               1525U,  // incorrect value
                               1690U,  // out of range in '(...)'
                               1772U,  // malformed GTID
                               1903U, 1941U};
  return std::ranges::find(numbers, number) != numbers.end();
}

/// True where the text is whatever the author of a procedure or a trigger made it.
bool is_signalled(const Failure& failure) noexcept {
  constexpr std::array numbers{1643U, 1644U, 1645U};  // SIGNAL: not found, an exception; RESIGNAL
  constexpr unsigned int last = 4999;                 // none of the server's own is beyond
  return std::ranges::find(numbers, failure.number) != numbers.end() || failure.number > last ||
         failure.sqlstate.starts_with("45");
}

/// True where the text names parts of the schema, settings or limits, and nothing else. Of the many
/// other errors of class HY000, some quote what functions were called with.
bool names_no_value(const Failure& failure) noexcept {
  constexpr std::array classes{"08", "0A", "21", "25", "28", "3D", "40", "42", "70"};
  constexpr std::array numbers{
      1031U, 1036U,                // the table's engine or state does not allow it
      1099U, 1100U, 1192U, 1223U,  // LOCK TABLES
      1153U,                       // max_allowed_packet
      1178U,                       // the engine does not support it
      1193U,                       // no such variable
      1210U,                       // arguments of a function
      1243U, 1295U, 1615U,         // prepared statements
      1264U, 1265U, 1406U,         // out of range, cut off, too long for column '...'
      1267U, 1270U, 1271U,         // collations
      1288U, 1347U, 1348U, 1356U, 1394U, 1395U, 1471U,  // views
      1365U,                                            // division by 0
      1418U, 1419U, 1422U, 1442U,                       // functions and triggers
      1467U, 4084U, 4085U, 4089U,                       // sequences
      4036U, 4037U, 4038U, 4041U, 4042U,                // JSON, by argument and position
      4078U, 4079U                                      // types of arguments
  };
  const auto in_class = [&](const char* each) { return failure.sqlstate.starts_with(each); };
  return std::ranges::any_of(classes, in_class) ||
         std::ranges::find(numbers, failure.number) != numbers.end() ||
         std::ranges::find(rules, failure.number, &Rule::number) != rules.end();
}

/// Where `text` ends so: " at line 3".
std::string line_of(std::string_view text) {
  const auto at = text.rfind(" at line ");
  return at == std::string_view::npos ? std::string() : std::string(text.substr(at));
}

/// `message` without the data that it quotes.
std::string without_values(const Failure& failure, std::span<const ValueView> params) {
  if (is_signalled(failure)) {
    return fmt::format("a procedure or a trigger raised an error of its own ({})",
                       failure.sqlstate);
  }
  // It quotes the statement, and whatever was written into that.
  if (failure.number == 1064 || failure.number == 1149) {
    return "syntax error" + line_of(failure.message);
  }
  if (failure.number == 1761 || failure.number == 1762) {
    return "a change that a foreign key makes would be a duplicate entry in another table";
  }
  if (failure.message.empty()) return fmt::format("an error without a text ({})", failure.number);
  if (is_duplicate(failure.number)) {
    return fmt::format("duplicate entry for key '{}'", quoted_after(failure.message, " for key "));
  }
  std::string text = failure.message;
  if (quotes_a_value(failure.number)) {
    // A value may hold quotes itself, so everything goes from the first to the one before what
    // the value was meant for: `Incorrect integer value: '...' for column `db`.`t`.`c` at row 1`.
    const auto open = text.find('\'');
    auto close = text.rfind("' for ");
    if (close == std::string::npos) close = text.rfind('\'');
    if (open != std::string::npos && open < close) {
      text.replace(open + 1, close - open - 1, "...");
    }
  }
  if (failure.number == 1526) return "the table has no partition for the value";
  if (!quotes_a_value(failure.number) && !names_no_value(failure)) {
    return fmt::format("the server refused it, in words that may quote values (error {}, {})",
                       failure.number, failure.sqlstate);
  }
  // Elsewhere a value is quoted when it named something: `Table '...' doesn't exist`.
  for (const ValueView param : params) {
    if (param.kind() != ValueKind::text || param.as_characters().empty()) continue;
    const std::string quoted = fmt::format("'{}'", param.as_characters());
    if (const auto at = text.find(quoted); at != std::string::npos) {
      text.replace(at, quoted.size(), "'...'");
    }
  }
  return text;
}

}  // namespace

Failure failure_of(MYSQL* connection) {
  return {mysql_errno(connection), mysql_sqlstate(connection), mysql_error(connection)};
}

Failure failure_of(MYSQL_STMT* statement) {
  return {mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement), mysql_stmt_error(statement)};
}

Errc code_for(unsigned int number, std::string_view message) noexcept {
  // "The MariaDB server is running with the --... option": not every option is about writes.
  if (number == 1290 && !contains(message, "read-only") && !contains(message, "read_only")) {
    return Errc::invalid_argument;
  }
  return find_rule(rules, number, Errc::invalid_argument);
}

Errc code_for_connect(unsigned int number, std::string_view message) noexcept {
  // libmariadb has one number for all that goes wrong with TLS.
  if (number == CR_SSL_CONNECTION_ERROR &&
      (contains(message, "certificate") || contains(message, "not support") ||
       contains(message, "alidation") || contains(message, "No such file"))) {
    return Errc::configuration;
  }
  return find_rule(connect_rules, number, Errc::unavailable);
}

ErrorInfo server_error(const Failure& failure, std::string_view node,
                       std::span<const ValueView> params) {
  ErrorInfo info;
  info.code = code_for(failure.number, failure.message);
  info.native = static_cast<int>(failure.number);
  info.sqlstate = failure.sqlstate;
  info.node = node;
  if (info.code == Errc::constraint) {
    info.constraint = is_duplicate(failure.number) ? quoted_after(failure.message, " for key ")
                                                   : quoted_after(failure.message, "CONSTRAINT ");
  }
  info.server_message = failure.message;
  info.message = fmt::format("node \"{}\": {}", node, without_values(failure, params));
  if (is_out_of_statements(failure.number)) {
    info.message +=
        "; nothing was executed, and this connection keeps none that it could give up: raise the "
        "server's max_prepared_stmt_count, or lower statement_cache_size";
  }
  return info;
}

ErrorInfo connect_error(const Failure& failure, std::string_view node) {
  ErrorInfo info;
  info.code = code_for_connect(failure.number, failure.message);
  info.native = static_cast<int>(failure.number);
  info.sqlstate = failure.sqlstate;
  info.node = node;
  // libmariadb names another plugin than the one that it refused.
  const std::string_view why =
      failure.number == CR_PLUGIN_NOT_ALLOWED
          ? "the server asks for the password by a plugin that would reveal it, or that is not "
            "known: see clear_password, or ssl-mode=verify_full"
          : std::string_view(failure.message);
  info.message = fmt::format("node \"{}\": cannot connect: {}", node, why);
  return info;
}

bool is_full(const ErrorInfo& failure) noexcept {
  constexpr int max_connections = 1040;
  constexpr int max_user_connections = 1203;
  constexpr int max_user_connections_of_the_account = 1226;
  return failure.native == max_connections || failure.native == max_user_connections ||
         failure.native == max_user_connections_of_the_account;
}

bool ends_session(unsigned int number) noexcept {
  const bool from_library = number >= CR_MIN_ERROR && number <= CR_MAX_ERROR;
  const bool from_network = number >= 1158 && number <= 1161;
  return (from_library && !is_too_large(number) && !has_other_columns(number)) || from_network ||
         number == 1053      // shutting down
         || number == 1152   // the connection was aborted
         || number == 1927;  // it was killed
}

bool is_access_denied(unsigned int number) noexcept { return number == 1045 || number == 1698; }

bool is_too_large(unsigned int number) noexcept {
  return number == ER_NET_PACKET_TOO_LARGE || number == CR_NET_PACKET_TOO_LARGE;
}

bool is_outdated_statement(unsigned int number) noexcept {
  return number == ER_NEED_REPREPARE || number == ER_UNKNOWN_STMT_HANDLER;
}

bool has_other_columns(unsigned int number) noexcept { return number == CR_NEW_STMT_METADATA; }

bool is_interruption(unsigned int number) noexcept {
  return number == ER_QUERY_INTERRUPTED || number == ER_FILSORT_ABORT;
}

bool is_unpreparable(unsigned int number) noexcept { return number == ER_UNSUPPORTED_PS; }

bool is_out_of_statements(unsigned int number) noexcept {
  return number == ER_MAX_PREPARED_STMT_COUNT_REACHED;
}

bool may_end_transaction(Errc code) noexcept {
  // A lock wait too, where innodb_rollback_on_timeout is set; and a refused COMMIT.
  return code == Errc::conflict || code == Errc::timeout || code == Errc::read_only ||
         code == Errc::unavailable;
}

}  // namespace grant::mariadb
