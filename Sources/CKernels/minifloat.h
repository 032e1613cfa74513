/// Floats of 4 and 8 bits, and what rounding to them does to one value. Include it below
/// `rounding.h`. Private to this target.
#ifndef CKERNELS_MINIFLOAT_H
#define CKERNELS_MINIFLOAT_H

#include "float_quant.h"
#include "rounding.h"

/// A sign, some bits of exponent and some of mantissa; no infinities.
typedef struct {
  int mantissa_bits;
  int least_exponent;  ///< of normal numbers
  float greatest;
} minifloat;

INLINE minifloat minifloat_of(ck_float_format format) {
  return format == CK_FP8 || format == CK_MXFP8 ? (minifloat){3, -6, 448} : (minifloat){1, 0, 6};
}

/// The nearest number of the grid, half to even, |x| <= greatest. Adding 1.5 times a power of two
/// leaves as many bits as the number has at its magnitude.
INLINE float round_minifloat(float x, minifloat grid) {
  uint32_t exponent = bits_of_float(x) & 0x7F800000;
  uint32_t least = (uint32_t)(127 + grid.least_exponent) << 23;
  exponent = exponent > least ? exponent : least;
  float magic = float_of_bits(exponent + ((uint32_t)(23 - grid.mantissa_bits) << 23) + 0x400000);
  return (x + magic) - magic;
}

/// The bits of a number of the grid.
INLINE uint8_t minifloat_code(float x, minifloat grid) {
  int total_bits = grid.greatest == 6 ? 4 : 8;
  uint32_t bits = bits_of_float(x), magnitude = bits & 0x7FFFFFFF;
  uint32_t bias = (uint32_t)(126 + grid.least_exponent) << 23;
  uint32_t normal = (magnitude - bias) >> (23 - grid.mantissa_bits);
  // Below the normal numbers the code counts steps of the least magnitude.
  float step = float_of_bits((uint32_t)(127 - grid.least_exponent + grid.mantissa_bits) << 23);
  uint32_t subnormal = (uint32_t)(int)(float_of_bits(magnitude) * step);
  uint32_t least = (uint32_t)(127 + grid.least_exponent) << 23;
  uint32_t code = magnitude >= least ? normal : subnormal;
  return (uint8_t)(code | (bits >> 31) << (total_bits - 1));
}

/// The number of a code.
INLINE float minifloat_value(uint8_t code, minifloat grid) {
  int total_bits = grid.greatest == 6 ? 4 : 8;
  uint32_t sign = (uint32_t)(code >> (total_bits - 1) & 1) << 31;
  uint32_t magnitude = code & ((1u << (total_bits - 1)) - 1);
  uint32_t bias = (uint32_t)(126 + grid.least_exponent) << 23;
  uint32_t normal = (magnitude << (23 - grid.mantissa_bits)) + bias;
  float step = float_of_bits((uint32_t)(127 + grid.least_exponent - grid.mantissa_bits) << 23);
  uint32_t subnormal = bits_of_float((float)(int)magnitude * step);
  uint32_t bits = magnitude >> grid.mantissa_bits ? normal : subnormal;
  if (total_bits == 8 && magnitude == 0x7F) bits = 0x7FC00000;
  return float_of_bits(sign | bits);
}

/// What becomes of one value.
typedef struct {
  float quotient;  ///< value / scale
  float number;    ///< f
  float slope;     ///< f'
} nearest_float;

INLINE nearest_float round_value(float w, float v, float scale, float inverse,
                                 ck_float_format format) {
  minifloat grid = minifloat_of(format);
  float quotient = format == CK_NVFP4 ? w * inverse : w / scale;
  float x = quotient + v;
  float clamped = clamp(x, -grid.greatest, grid.greatest);
  float f = round_minifloat(clamped, grid);
  float slope = clamped == x ? 1.0f : 0.0f;
  if (format != CK_FP8) slope = clamped == 0 ? 0.0f : slope;
  if (format == CK_MXFP8 || format == CK_MXFP4) {
    float least = float_of_bits((uint32_t)(127 + grid.least_exponent) << 23);
    float magnitude = fabsf(clamped);
    // Divides by a number that is never zero, whatever branch is taken.
    float divisor = magnitude >= least ? clamped : 1.0f;
    slope = magnitude >= least ? slope * (f / divisor) : slope;
  }
  return (nearest_float){quotient, f, slope};
}

INLINE float reciprocal(float x) { return x == 0 ? 0 : 1 / x; }

/// floor(log2 m) of a positive number; below the least normal one it is -127, lower than any MX scale's.
INLINE int exponent_of(float m) { return (int)(bits_of_float(m) >> 23) - 127; }

/// 2^exponent for an exponent from -127 to 127.
INLINE float power_of_two(int exponent) {
  return float_of_bits(exponent > -127 ? (uint32_t)(exponent + 127) << 23 : 0x00400000);
}

/// The exponent of an MX scale, unlimited; the greatest magnitude `m` is positive.
INLINE int mx_exponent(float m, ck_float_format format) {
  return exponent_of(m) - (format == CK_MXFP8 ? 8 : 2);
}

#endif
