// expect: coproc: text arrives as std::string
#include "coproc/codec.hpp"
void receive(coproc::Decoder& decoder) { static_cast<void>(coproc::decode<std::string_view>(decoder)); }
