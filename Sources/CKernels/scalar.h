/// Single-value conversions and functions shared by the kernels, inlined and free of branches where
/// a loop over them should become vector instructions. Private to this target.
#ifndef CKERNELS_SCALAR_H
#define CKERNELS_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elements.h"

#define INLINE static inline __attribute__((always_inline))

static inline float float_of_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static inline uint32_t bits_of_float(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
}

static inline float bf16_to_f32(uint16_t h) { return float_of_bits((uint32_t)h << 16); }

/// Rounds half to even; a NaN becomes a quiet NaN.
static inline uint16_t f32_to_bf16(float f) {
  uint32_t bits = bits_of_float(f);
  uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40;
  return (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
}

INLINE float load(const void *x, ck_element type, size_t i) {
  return type == CK_BF16 ? bf16_to_f32(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

static inline float f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  uint32_t magnitude = h & 0x7FFF;
  // Normal numbers: shift into place and move the exponent's bias from 15 to 127.
  uint32_t normal = (magnitude << 13) + (112u << 23);
  // Infinities and NaNs keep an exponent of all ones.
  uint32_t special = (magnitude << 13) | 0x7F800000;
  // Subnormals: the integer times 2^-24 is exact in f32.
  uint32_t subnormal = bits_of_float((float)magnitude * 0x1p-24f);
  uint32_t bits = magnitude >= 0x7C00 ? special : magnitude < 0x400 ? subnormal : normal;
  return float_of_bits(sign | bits);
}

/// Rounds half to even; beyond the range gives an infinity, below it subnormals and zero.
static inline uint16_t f32_to_f16(float f) {
  uint32_t bits = bits_of_float(f);
  uint32_t sign = (bits >> 16) & 0x8000;
  uint32_t magnitude = bits & 0x7FFFFFFF;
  uint32_t normal = (magnitude + 0xFFF + ((magnitude >> 13) & 1) - (112u << 23)) >> 13;
  // Adding 0.5 leaves the value, rounded to a multiple of 2^-24, in the low bits of the sum.
  uint32_t subnormal = bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3F000000;
  uint32_t result = magnitude > 0x7F800000    ? 0x7E00 | ((magnitude >> 13) & 0x3FF)
                    : magnitude >= 0x47800000 ? 0x7C00
                    : magnitude < 0x38800000  ? subnormal
                                              : normal;
  return (uint16_t)(sign | result);
}

#endif
