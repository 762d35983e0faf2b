#include "columns.hpp"

namespace grant::postgres {
namespace {

bool has_characters(Oid type) {
  switch (kind_of(type)) {
    case ValueKind::boolean:
    case ValueKind::integer:
    case ValueKind::real:
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timestamp: return false;
    default: return true;
  }
}

}  // namespace

Columns Columns::of(const PGresult* description) {
  Columns columns;
  for (int i = 0; i < PQnfields(description); ++i) {
    const Oid type = PQftype(description, i);
    columns.all.push_back({type, has_characters(type), PQfname(description, i)});
    if (kind_of(type) == ValueKind::null) columns.format = Format::text;
  }
  return columns;
}

}  // namespace grant::postgres
