// expect: coproc: a pointer means nothing in another process
#include <memory>

#include "coproc/codec.hpp"
struct Data {
  std::vector<std::unique_ptr<int>> values;
};
Data receive(coproc::Decoder& decoder) { return coproc::decode<Data>(decoder); }
