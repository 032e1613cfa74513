/// SHA-256 as FIPS 180-4 has it: the compression of whole blocks.
#ifndef CKERNELS_SHA256_H
#define CKERNELS_SHA256_H

#include <stddef.h>
#include <stdint.h>

/// Takes `count` blocks of 64 bytes into `state`, which starts as the eight words of section 5.3.3.
void ck_sha256(uint32_t state[8], const uint8_t *blocks, size_t count);

#endif
