// expect: coproc: this type is not an aggregate
#include "coproc/codec.hpp"
class Account {
 public:
  int balance() const { return balance_; }

 private:
  int balance_ = 0;
};
int main() { coproc::check_encodable<std::vector<Account>>(); }
