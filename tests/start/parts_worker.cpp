// The worker program that plays tests/conformance/parts.hpp for the start method `executable`.
#include "conformance/parts.hpp"

int main() { return coproc::this_worker::run(&parts::play); }
