#pragma once

// Everything that a program with models needs. Drivers come in by linking their components.
#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "grant/core/json.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/model/model.hpp"
#include "grant/query/raw_sql.hpp"
#include "grant/registry/config.hpp"
#include "grant/registry/registry.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"
