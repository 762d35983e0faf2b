#pragma once

#include <grant/grant.hpp>

using namespace std::chrono_literals;

// [user]
struct User : grant::Model<User> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  grant::Timestamp created_at{};

  static constexpr auto table = grant::table<User>(
      "users",  //
      grant::column<&User::id>.primary_key(), grant::column<&User::email>.unique(),
      grant::column<&User::name>, grant::column<&User::created_at>);

  static constexpr auto connection = grant::connects_to("primary")  //
                                         .replica_lag_threshold(2s)
                                         .failover_retry_attempts(5);
};
// [user]

struct AnalyticsEvent : grant::Model<AnalyticsEvent> {
  std::int64_t id{};
  std::string kind{};
  grant::Json payload{};

  static constexpr auto table = grant::table<AnalyticsEvent>(
      "analytics_events",  //
      grant::column<&AnalyticsEvent::id>.primary_key(), grant::column<&AnalyticsEvent::kind>,
      grant::column<&AnalyticsEvent::payload>);

  static constexpr auto connection = grant::connects_to("analytics");
};

struct CachedResult : grant::Model<CachedResult> {
  std::string key{};
  grant::Bytes value{};

  static constexpr auto table = grant::table<CachedResult>(
      "cached_results",  //
      grant::column<&CachedResult::key>.primary_key(), grant::column<&CachedResult::value>);

  static constexpr auto connection = grant::connects_to("cache");
};

struct Order : grant::Model<Order> {
  std::int64_t id{};
  std::int64_t user_id{};
  double total{};
  bool paid{};

  static constexpr auto table =
      grant::table<Order>("orders",  //
                          grant::column<&Order::id>.primary_key(), grant::column<&Order::user_id>,
                          grant::column<&Order::total>, grant::column<&Order::paid>);

  static constexpr auto connection = grant::connects_to("orders");
};
