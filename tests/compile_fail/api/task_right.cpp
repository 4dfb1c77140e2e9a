// expect: success
#include <coproc/coproc.hpp>

#include <string>
#include <vector>

struct Database {
  int find(int id) const { return id; }
};
struct Offset {
  int by;
  int operator()(int x) const { return x + by; }
};
std::size_t length(const std::string& text) { return text.size(); }

void f(coproc::PoolOptions options) {
  coproc::Pool pool{[] { return Database(); }, [](Database&) {}, options};
  std::vector<int> found = pool.map([](Database& db, int id) { return db.find(id); }, std::vector{1, 2});
  std::vector<int> shifted = pool.map(Offset{3}, std::vector{1, 2});
  std::size_t size = pool.submit(length, "text").get();
  coproc::Task<void> nothing = pool.submit([](Database&) {});
  static_cast<void>(size);
}
