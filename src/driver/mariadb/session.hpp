#pragma once

#include <string_view>

namespace grant::mariadb {

/// Sent when a connection is open: it costs a round trip, but no session is ever seen without it.
///   - names: texts are utf8mb4 on their way in and out, whatever the server makes of what a client
///     says in its first message;
///   - autocommit: what is not in a transaction is stored, whatever init_connect says;
///   - sql_mode: values that do not fit are refused, and SQL means what it means elsewhere;
///   - time_zone: `current_timestamp` in a column default follows it;
///   - session_track_system_variables: the position of a write arrives with the answer to it;
///   - session_track_state_change: so does the news that the session has changed;
///   - session_track_transaction_info: and what the transaction that is open has done, by which one
///     that took its place is known;
///   - max_recursive_iterations: a recursive query is not cut short after 1000 rows, with no more
///     than a warning.
inline constexpr const char* kSessionSettings =
    "SET NAMES utf8mb4, sql_mode = "
    "'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,"
    "NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    "autocommit = 1, time_zone = '+00:00', session_track_system_variables = 'last_gtid', "
    "session_track_state_change = ON, session_track_transaction_info = 'STATE', "
    "max_recursive_iterations = 4294967295";

/// Asks whether it is so: one row of ones. Some servers take a SET and do something else.
inline constexpr const char* kSessionCheck =
    "SELECT @@character_set_client = 'utf8mb4', @@character_set_connection = 'utf8mb4', "
    "@@character_set_results = 'utf8mb4', @@time_zone = '+00:00', "
    "FIND_IN_SET('ANSI_QUOTES', @@sql_mode) > 0, FIND_IN_SET('STRICT_TRANS_TABLES', @@sql_mode) > "
    "0, "
    "FIND_IN_SET('NO_BACKSLASH_ESCAPES', @@sql_mode) = 0, @@autocommit = 1";

/// Whether running `sql` may change the session in a way that the server does not report, as far as
/// its text shows: table locks, locks by name, open handlers, and variables of the user's that are
/// set in a query. What a function does there is not seen.
[[nodiscard]] bool mentions_session(std::string_view sql);

}  // namespace grant::mariadb
