// expect: coproc: coproc::Codec<T> needs
#include "coproc/codec.hpp"
struct Data {
  explicit Data(int);
};
template <>
struct coproc::Codec<Data> {
  static void encode(Encoder&, const Data&);
  static Data decode(Decoder&);
};
int main() { coproc::check_encodable<Data>(); }
