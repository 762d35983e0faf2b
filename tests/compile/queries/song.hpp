#pragma once

#include <grant/model/model.hpp>

/// The model that these programs ask for.
struct Song : grant::Model<Song> {
  std::int64_t id{};
  std::string title{};
  std::optional<std::string> album{};
  bool live{};
  grant::Decimal price{};
  float gain{};
  double length{};
  std::optional<grant::Date> released{};
  grant::Timestamp added{};
  int plays{};  // not a column

  static constexpr auto table = grant::table<Song>(
      "songs",  //
      grant::column<&Song::id>.primary_key(), grant::column<&Song::title>,
      grant::column<&Song::album>, grant::column<&Song::live>, grant::column<&Song::price>,
      grant::column<&Song::gain>, grant::column<&Song::length>, grant::column<&Song::released>,
      grant::column<&Song::added>);
};

/// Another one.
struct Band : grant::Model<Band> {
  std::int64_t id{};

  static constexpr auto table = grant::table<Band>("bands", grant::column<&Band::id>.primary_key());
};
