/// Dense streams of integers of 1 to 8 bits: element i of a stream occupies its bits
/// [i*bits, (i+1)*bits), counted from the least significant bit of its first byte.
#ifndef CKERNELS_PACKING_H
#define CKERNELS_PACKING_H

#include <stddef.h>
#include <stdint.h>

/// Packs `count` codes below 2^bits into `stream_bytes` bytes, at least count*bits / 8 rounded up;
/// what is left over becomes zero.
void ck_pack(const uint8_t *codes, size_t count, int bits, uint8_t *stream, size_t stream_bytes);

/// Takes `count` codes out of a stream of at least count*bits / 8 bytes, rounded up.
void ck_unpack(const uint8_t *stream, size_t stream_bytes, int bits, uint8_t *codes, size_t count);

#endif
