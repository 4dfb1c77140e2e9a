# What the peer in capnproto.cpp offers.
@0xb9ab2af3dfa5cf1b;

interface Bench {
  exchange @0 (payload :Data) -> (payload :Data);
  # Answers with the same number; a stream's last payload with how many came right and in order.

  push @1 (payload :Data) -> stream;
  # The others of a stream. How many are under way at once is Cap'n Proto's affair.
}
