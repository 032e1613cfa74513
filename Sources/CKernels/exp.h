/// An exponential that the compiler can vectorize. Private to this target.
#ifndef CKERNELS_EXP_H
#define CKERNELS_EXP_H

#include "scalar.h"

/// e^x for x in [-87, 88], clamped outside; relative error below 2e-7.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, whose remainder
/// r^8 / 8! stays below 6e-9; 2^n by building the exponent. ln 2 is split in two so that r is exact.
static inline float exp_f32(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding and taking away 1.5 * 2^23 rounds to the nearest integer.
  const float shift = 12582912.0f;
  float n = (x * 1.44269504f + shift) - shift;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * float_of_bits((uint32_t)((int32_t)n + 127) << 23);
}

/// 1 / (1 + e^-x).
static inline float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }

#endif
