#pragma once

#include "bench/harness.hpp"
#include "bench/pool/load.hpp"

// One namespace per library; each function is one way of leasing a connection. The connections do
// nothing, so that nothing but the pool is measured.
namespace grant::bench {

/// Java's fastest pool, in a virtual machine of its own that only runs when it is asked to. Only
/// where GRANT_BENCH_HIKARI says that it was built.
namespace hikari {
Implementation lease(const Load& load);
}  // namespace hikari

/// The shortest pools there are. No fairness, no deadline, no health, no statistics.
namespace plain {
Implementation mutex_and_condition_variable(const Load& load);
/// Cannot wait: with more threads than connections it yields the core until one is free.
Implementation compare_and_swap(const Load& load);
}  // namespace plain

namespace soci {
Implementation lease(const Load& load);
/// The lease with a session around it, as people use it.
Implementation session(const Load& load);
}  // namespace soci

namespace poco {
/// Cannot wait: with more threads than connections it is asked again until one is free.
Implementation session(const Load& load);
}  // namespace poco

namespace pool {
Implementation lease(const Load& load);
}  // namespace pool

}  // namespace grant::bench
