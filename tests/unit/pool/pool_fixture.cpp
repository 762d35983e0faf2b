#include "unit/pool/pool_fixture.hpp"

namespace grant::test {

Task<void> take_and_note(Pool& pool, io::Call call, Log& log, std::string name) {
  try {
    const auto lease = co_await pool.acquire(call);
    log.add(name);
  } catch (const Error& error) {
    log.add(name + ' ' + std::string(to_string(error.code())));
  }
}

}  // namespace grant::test
