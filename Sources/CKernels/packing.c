#include "packing.h"

#include <string.h>

// Eight codes fill exactly `bits` bytes. Codes are moved together within one 64-bit word, first in
// pairs, then in fours, then all eight; unpacking goes the other way. Little-endian machines only.

static inline uint64_t join(uint64_t x, int bits) {
  int gap = 8 - bits;
  x = (x & 0x00FF00FF00FF00FF) | (x & 0xFF00FF00FF00FF00) >> gap;
  x = (x & 0x0000FFFF0000FFFF) | (x & 0xFFFF0000FFFF0000) >> (2 * gap);
  return (x & 0x00000000FFFFFFFF) | (x & 0xFFFFFFFF00000000) >> (4 * gap);
}

static inline uint64_t part(uint64_t x, int bits) {
  int gap = 8 - bits;
  uint64_t one = (1ull << bits) - 1, two = (1ull << (2 * bits)) - 1, four = (1ull << (4 * bits)) - 1;
  x = (x & four) | (x & four << (4 * bits)) << (4 * gap);
  two |= two << 32;
  x = (x & two) | (x & two << (2 * bits)) << (2 * gap);
  one |= one << 16;
  one |= one << 32;
  return (x & one) | (x & one << bits) << gap;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void ck_pack(const uint8_t *codes, size_t count, int bits, uint8_t *stream, size_t stream_bytes) {
  size_t i = 0, at = 0;
  // Whole words are stored while they fit; the next store overwrites what is too much.
  for (; i + 8 <= count && at + 8 <= stream_bytes; i += 8, at += (size_t)bits) {
    uint64_t x;
    memcpy(&x, codes + i, 8);
    x = join(x, bits);
    memcpy(stream + at, &x, 8);
  }
  for (; i < count; i += 8, at += (size_t)bits) {
    uint64_t x = 0;
    memcpy(&x, codes + i, least(8, count - i));
    x = join(x, bits);
    memcpy(stream + at, &x, least((size_t)bits, stream_bytes - at));
  }
  if (at < stream_bytes) memset(stream + at, 0, stream_bytes - at);
}

void ck_unpack(const uint8_t *stream, size_t stream_bytes, int bits, uint8_t *codes, size_t count) {
  size_t i = 0, at = 0;
  for (; i + 8 <= count && at + 8 <= stream_bytes; i += 8, at += (size_t)bits) {
    uint64_t x;
    memcpy(&x, stream + at, 8);
    x = part(x, bits);
    memcpy(codes + i, &x, 8);
  }
  for (; i < count; i += 8, at += (size_t)bits) {
    uint64_t x = 0;
    memcpy(&x, stream + at, least((size_t)bits, stream_bytes - at));
    x = part(x, bits);
    memcpy(codes + i, &x, least(8, count - i));
  }
}
