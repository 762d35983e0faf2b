#include <grant/driver/driver.hpp>
#include <iostream>

int main() {
  // Nothing here names the driver: linking grant::sqlite is what registers it.
  const grant::Driver& driver = grant::find_driver(grant::Adapter::sqlite);
  std::cout << "found the driver for " << grant::to_string(driver.adapter()) << '\n';
}
