// coproc-service PORT: a store of keys and values over TCP. Its four workers hold a part each, in databases of SQLite.
// A worker that dies, or hangs for a second, is replaced, and asked again what it has not answered.
#include <sqlite3.h>

#include <coproc/asio.hpp>
#include <coproc/coproc.hpp>

#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

using namespace std::chrono_literals;
using asio::awaitable, asio::use_awaitable, asio::ip::tcp;

struct Get {
  using Reply = std::string;
  std::string key;
};
struct Put {
  using Reply = std::string;
  std::string key, value;
};
struct NoSuchKey : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ValueTooLong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void store(coproc::PriorityMessenger& host, std::string path, int max_value_bytes) {
  coproc::accept_errors<NoSuchKey, ValueTooLong>();
  sqlite3* db = nullptr;
  sqlite3_stmt *select = nullptr, *insert = nullptr;
  const auto check = [&](bool is_right) {
    if (!is_right) throw std::runtime_error(sqlite3_errmsg(db));
  };
  const auto bind = [](sqlite3_stmt* statement, int at, const std::string& text) {
    sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), nullptr);
  };
  check(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  const char* const set_up =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE IF NOT EXISTS kv(k TEXT PRIMARY KEY, v TEXT)";
  check(sqlite3_exec(db, set_up, nullptr, nullptr, nullptr) == SQLITE_OK);
  check(sqlite3_prepare_v2(db, "SELECT v FROM kv WHERE k=?", -1, &select, nullptr) == SQLITE_OK);
  check(sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO kv VALUES(?,?)", -1, &insert, nullptr) == SQLITE_OK);
  coproc::serve(
      host, [&](int changed) { max_value_bytes = changed; },
      [&](const Get& get) -> std::string {
        sqlite3_reset(select);
        bind(select, 1, get.key);
        if (sqlite3_step(select) != SQLITE_ROW) throw NoSuchKey(get.key);
        return reinterpret_cast<const char*>(sqlite3_column_text(select, 0));
      },
      [&](const Put& put) -> std::string {
        if (std::ssize(put.value) > max_value_bytes) throw ValueTooLong(put.key);
        sqlite3_reset(insert);
        bind(insert, 1, put.key);
        bind(insert, 2, put.value);
        check(sqlite3_step(insert) == SQLITE_DONE);
        return "stored";
      });
  sqlite3_close_v2(db);
}

int read_limit() {
  int max_value_bytes = 1000;
  std::ifstream("service.conf") >> max_value_bytes;
  return max_value_bytes;
}

struct Shard {
  Shard(asio::io_context& io, int number)
      : path("shard" + std::to_string(number) + ".db"), is_up(io), messages(io.get_executor(), worker.messenger()) {
    asio::co_spawn(io, keep_up(), &rethrow);
  }
  template <class C>
  awaitable<std::string> ask(C request) {
    for (int tries = 0;; ++tries) {
      asio::error_code ignored;
      while (!worker.is_alive()) co_await is_up.async_wait(asio::redirect_error(use_awaitable, ignored));
      try {
        co_return co_await messages.async_call(request, 1s, use_awaitable);
      } catch (const coproc::WorkerDiedError&) {
        if (tries == 3) throw;
      } catch (const coproc::TimeoutError&) {
        worker.kill();
        throw;
      }
    }
  }
  void limit(int max_value_bytes) { (void)worker.messenger().try_send(max_value_bytes, {}, {.priority = -1}); }
  bool is_idle() const { return messages.waiting() <= 1; }  // keep_up() waits
  static void rethrow(std::exception_ptr error) { std::rethrow_exception(error); }
  awaitable<void> keep_up() {
    for (;; ++starts) {
      co_await coproc::async_start(is_up.get_executor(), worker, path, read_limit(), use_awaitable);
      is_up.cancel();  // calls that wait for the worker go on
      try {
        co_await messages.async_receive(use_awaitable);
      } catch (const coproc::WorkerDiedError& death) {
        std::cerr << death.what() << "\n";
      }
    }
  }

  std::string path;
  int starts = 0;
  asio::steady_timer is_up;  // cancelled when there is a new worker
  coproc::WorkerResource<void (*)(coproc::PriorityMessenger&, std::string, int)> worker{&store, {.name = "store"}};
  coproc::AsioMessenger messages;
};

using Shards = std::deque<Shard>;
awaitable<std::string> answer(Shards& shards, std::string command, std::string key, std::string value) {
  std::string out;
  for (Shard& shard : shards) {
    if (command == "PIDS") out += std::to_string(shard.worker.pid()) + " ";
    if (command == "STAT") out += "starts " + std::to_string(shard.starts) + "; ";
  }
  if (!out.empty()) co_return out;
  Shard& shard = shards[std::hash<std::string>()(key) % shards.size()];
  try {
    awaitable<std::string> asked = command == "PUT" ? shard.ask(Put{key, value}) : shard.ask(Get{key});
    out = co_await std::move(asked);  // apart: g++ 12 destroys such temporaries of a co_await twice
    co_return "OK " + out;
  } catch (const std::exception& error) {
    out = std::string("ERR ") + typeid(error).name() + " " + error.what();
  }
  co_return out;
}

awaitable<void> talk(tcp::socket socket, Shards& shards) {
  for (asio::streambuf in;;) {
    const std::size_t bytes = co_await asio::async_read_until(socket, in, '\n', use_awaitable);
    std::istringstream line(std::string(static_cast<const char*>(in.data().data()), bytes));
    in.consume(bytes);
    std::string command, key, value;
    line >> command >> key >> value;
    std::string out = co_await answer(shards, command, key, value);
    out += '\n';
    co_await asio::async_write(socket, asio::buffer(out), use_awaitable);
  }
}

awaitable<void> listen(tcp::acceptor& acceptor, Shards& shards) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    asio::co_spawn(acceptor.get_executor(), talk(std::move(socket), shards), asio::detached);
  }
}

awaitable<void> heed_signals(asio::io_context& io, tcp::acceptor& acceptor, Shards& shards) {
  asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  while (co_await signals.async_wait(use_awaitable) == SIGHUP) {
    for (Shard& shard : shards) shard.limit(read_limit());
  }
  acceptor.close();
  asio::steady_timer pause(io);
  for (int left = 100; left != 0 && !std::all_of(shards.begin(), shards.end(), std::mem_fn(&Shard::is_idle)); --left) {
    pause.expires_after(20ms);
    co_await pause.async_wait(use_awaitable);
  }
  io.stop();
}

int main(int argc, char** argv) {
  asio::io_context io(1);
  Shards shards;
  for (int i = 0; i < 4; ++i) shards.emplace_back(io, i);
  tcp::acceptor acceptor(io,
                         {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[argc - 1]))});
  std::cout << acceptor.local_endpoint().port() << std::endl;
  asio::co_spawn(io, listen(acceptor, shards), asio::detached);
  asio::co_spawn(io, heed_signals(io, acceptor, shards), asio::detached);
  io.run();
  std::vector<coproc::Worker*> workers;
  for (Shard& shard : shards) workers.push_back(&shard.worker);
  for (const coproc::ExitStatus& status : coproc::Worker::stop_all(workers, {.close = 2s})) {
    std::cerr << status.describe() << "\n";
  }
}
