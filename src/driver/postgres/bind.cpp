#include "bind.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "grant/core/error.hpp"

namespace grant::postgres {

void refuse_too_many(std::span<const ValueView> params) {
  if (params.size() <= kMostParameters) return;
  throw_error(Errc::invalid_argument,
              fmt::format("nothing was sent: {} values were given, and PostgreSQL takes no more "
                          "than {} in one statement",
                          params.size(), kMostParameters));
}

void Binder::trim() {
  constexpr std::size_t most = std::size_t{64} * 1024;
  if (scratch_bytes_ <= most) return;
  scratch_ = {};
  values_ = {};
  lengths_ = {};
  formats_ = {};
  scratch_bytes_ = 0;
}

void Binder::bind(std::span<const ValueView> values, std::span<const Oid> types) {
  if (values.size() != types.size()) {
    throw_error(Errc::invalid_argument,
                fmt::format("the statement has {} placeholders, but {} values were given",
                            types.size(), values.size()));
  }
  count_ = values.size();
  if (values_.size() < count_) {
    values_.resize(count_);
    lengths_.resize(count_);
    formats_.resize(count_);
    scratch_.resize(count_);
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    Encoded encoded;
    if (!encode_plain(values[i], types[i], scratch_[i], encoded)) {
      encoded = encode(values[i], types[i], Place{i, {}}, scratch_[i]);
    }
    values_[i] = encoded.data;
    lengths_[i] = static_cast<int>(encoded.size);
    formats_[i] = static_cast<int>(encoded.format);
    size += encoded.size;
  }
  // Those that look at their own values take none.
  scratch_bytes_ = std::max(scratch_bytes_, size + count_ * sizeof(Scratch));
  if (size > kLargestMessage) {
    throw_error(Errc::invalid_argument,
                fmt::format("nothing was sent: the values take {} bytes together, and PostgreSQL "
                            "takes no more than {} in one message",
                            size, kLargestMessage));
  }
}

}  // namespace grant::postgres
