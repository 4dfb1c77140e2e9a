// expect: coproc: a pointer means nothing in another process
#include "coproc/codec.hpp"
void send(coproc::Encoder& encoder, int* value) { coproc::encode(encoder, value); }
