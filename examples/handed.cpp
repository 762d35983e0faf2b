// Coroutines that go on on one thread and then on another, and hand their queries whose they are.
//
//     handed [URL]        by default sqlite:handed.db

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <cstdint>
#include <exception>
#include <grant/grant.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

struct Note : grant::Model<Note> {
  std::int64_t id{};
  std::string text{};

  static constexpr auto table = grant::table<Note>("notes", grant::column<&Note::id>.primary_key(),
                                                   grant::column<&Note::text>);
};

constexpr auto text = grant::field<&Note::text>;

// [request]
// Any thread of the pool may go on with this behind a co_await: what belongs to it is not what that
// thread is in, but the session that it was given.
asio::awaitable<void> request(asio::thread_pool& threads, grant::Session session) {
  auto transaction = grant::Transaction::begin({.database = "primary"}, session);
  auto note = Note::in(transaction).create(text = "first");
  co_await asio::post(threads, asio::use_awaitable);
  Note::in(transaction).update(note, text = "second");
  transaction.commit();

  co_await asio::post(threads, asio::use_awaitable);
  const auto reading = session.context().connected_to({.role = grant::Role::reading});
  const auto seen = Note::in(reading).find(note.id);  // its own write, whichever node answers
  if (seen.text != "second") throw std::runtime_error("the note is not what was written");
}
// [request]

int main(int argc, char** argv) try {
  grant::establish_connections({{"primary", {.url = argc > 1 ? argv[1] : "sqlite:handed.db"}}});
  Note::create_table();
  // More threads than requests: those of a request block, in the end for its transaction.
  asio::thread_pool threads(4);
  std::atomic<int> failures = 0;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(threads, request(threads, grant::Session()),
                   [&failures](const std::exception_ptr& error) { failures += error ? 1 : 0; });
  }
  threads.join();
  std::cout << Note::count() << " notes\n";
  return failures == 0 ? 0 : 1;
} catch (const grant::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
