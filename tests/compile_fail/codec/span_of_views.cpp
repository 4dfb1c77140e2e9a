// expect: coproc: a view inside a payload owns nothing
#include "coproc/codec.hpp"
void send(coproc::Encoder& encoder, std::span<const std::string_view> texts) { coproc::encode(encoder, texts); }
