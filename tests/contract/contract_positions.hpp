#pragma once

#include "contract/contract.hpp"

namespace grant::contract {

/// For the engines with a log that others replay, whose servers say where it stands.
class Positions : public Contract {};

}  // namespace grant::contract
