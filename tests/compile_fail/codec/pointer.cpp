// expect: coproc: a pointer means nothing in another process
#include "coproc/codec.hpp"
struct Node {
  int value;
  Node* next;
};
int main() { coproc::check_encodable<Node>(); }
