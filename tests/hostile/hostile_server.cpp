#include "hostile/hostile_server.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace grant::test {

HostileServer::HostileServer(const std::string& arguments) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const auto command = std::string("exec python3 '") + GRANT_HOSTILE_SERVER + "' " + arguments;
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  const auto line = read_line();
  if (!line.starts_with("port ")) throw std::runtime_error("server.py did not start: " + line);
  port_ = std::stoi(line.substr(5));
}

HostileServer::~HostileServer() {
  if (process_ > 0) static_cast<void>(stop());
}

std::string HostileServer::read_line() {
  std::string line;
  for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string HostileServer::stop() {
  ::close(input_);
  std::string said;
  std::array<char, 4096> bytes{};
  for (ssize_t size = 0; (size = ::read(output_, bytes.data(), bytes.size())) > 0;) {
    said.append(bytes.data(), static_cast<std::size_t>(size));
  }
  ::close(output_);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  return said;
}

}  // namespace grant::test
