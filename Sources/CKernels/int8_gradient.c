#include "int8_gradient.h"

#include "scalar.h"
#include "variants.h"

// Without it, instruction sets with fused multiply-add would round other numbers up.
#pragma STDC FP_CONTRACT OFF

static inline float magnitude_of(float x) { return float_of_bits(bits_of_float(x) & 0x7FFFFFFF); }

/// A number whose bits all depend on all bits of `x` (the finalizer of a common hash).
static inline uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

/// A fraction from 0 up to 1 that looks random.
static inline float fraction(uint32_t x) {
  x = (x ^ (x >> 15)) * 0x2C1B3C6Du;
  return float_of_bits(0x3F800000 | ((x ^ (x >> 12)) >> 9)) - 1.0f;
}

#define FAMILY "int8_gradient.inc"
#include "each_variant.h"

void ck_column_magnitudes(ck_element type, const void *x, size_t stride, const float *factors,
                          float *greatest, size_t columns, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, column_magnitudes, x, stride, factors, greatest, columns, begin, end)
}

void ck_quantize_columns(ck_element type, const void *x, size_t stride, const float *factors,
                         const float *scales, uint32_t seed, int8_t *q, size_t columns, size_t begin,
                         size_t end) {
  CK_DISPATCH_TYPED(type, quantize_columns, x, stride, factors, scales, seed, q, columns, begin, end)
}

void ck_scale_sums(ck_element type, const int32_t *sums, const float *scales, void *y,
                   size_t stride, bool accumulate, size_t columns, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, scale_sums, sums, scales, y, stride, accumulate, columns, begin, end)
}

#undef FAMILY
#define FAMILY "scale_sums.inc"
#include "each_isa.h"

void ck_scale_sums_in_place(void *sums, const float *factors, const float *scales, size_t columns,
                            size_t begin, size_t end) {
  CK_DISPATCH(scale_sums_in_place, sums, factors, scales, columns, begin, end)
}
