#pragma once

#include <grant/model/model.hpp>

/// The model that these programs ask for.
struct Song : grant::Model<Song> {
  std::int64_t id{};
  std::string title{};
  std::optional<std::string> album{};
  bool live{};
  int plays{};  // not a column

  static constexpr auto table =
      grant::table<Song>("songs",  //
                         grant::column<&Song::id>.primary_key(), grant::column<&Song::title>,
                         grant::column<&Song::album>, grant::column<&Song::live>);
};
