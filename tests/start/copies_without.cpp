// A program that knows nothing of coproc, which a library that it uses contains.
bool library_works();

int main() { return library_works() ? 0 : 1; }
