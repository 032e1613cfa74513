#include "activation_quant.h"

#include <float.h>
#include <math.h>

#include "variants.h"

// The variants must agree: without this, those with fused multiply-add would use it.
#pragma STDC FP_CONTRACT OFF

#include "minifloat.h"

/// The scale of one group and how it depends on the group's extremes.
typedef struct {
  float scale, inverse, zero;
  float low, high;        ///< of integers
  float least, greatest;  ///< of the group's values; zero if all have the other sign
  /// The gradients of the greatest and of the least element for one unit of D, and of the least
  /// for one unit of the zero point's gradient.
  float greatest_slope, least_slope;
} activation_scale;

INLINE activation_scale float_scale(const ck_activation_rule *rule, ck_float_format format,
                                    float least, float greatest) {
  float m = greatest > -least ? greatest : -least;
  activation_scale result = {.least = least, .greatest = greatest};
  float slope = 0;
  switch (format) {
    case CK_FP8:
      if (rule->given > 0) {
        result.scale = rule->given;
      } else if (rule->runtime) {
        result.scale = m > 0 ? m / 448 : FLT_EPSILON;
      } else {
        result.scale = m / 448 < ck_least_fp8_scale ? ck_least_fp8_scale : m / 448;
        slope = m / 448 < ck_least_fp8_scale ? 0 : 1 / 448.0f;
      }
      break;
    case CK_MXFP8:
    case CK_MXFP4: {
      int exponent = format == CK_MXFP8 ? -7 : -1;
      float decisive = m;
      if (rule->runtime && exponent_of(m) > -127)
        decisive += 0.25f * power_of_two(exponent_of(m));
      if (m > 0) exponent = mx_exponent(decisive, format);
      int limited = exponent < -127 ? -127 : exponent > 127 ? 127 : exponent;
      result.scale = power_of_two(limited);
      slope = m > 0 && limited == exponent ? result.scale / m : 0;
      break;
    }
    default: {
      float t = rule->given * (rule->runtime ? m / 6 : m * (1.0f / 6.0f));
      float stored = round_minifloat(clamp(t, -448, 448), minifloat_of(CK_FP8));
      result.inverse = reciprocal(stored * reciprocal(rule->given));
      result.scale = rule->runtime ? stored / rule->given : reciprocal(result.inverse);
      slope = t <= 448 ? 1.0f / 6.0f : 0;
    }
  }
  if (greatest >= -least)
    result.greatest_slope = slope;
  else
    result.least_slope = -slope;
  return result;
}

static activation_scale int_scale(const ck_activation_rule *rule, float least, float greatest) {
  ck_scale_type type = rule->runtime ? CK_SCALE_F32 : CK_SCALE_F16;
  float theta = rule->runtime ? 0 : least_scale(type), half = (float)(1 << (rule->bits - 1));
  if (rule->symmetric) {
    activation_scale result = {.low = -half,
                               .high = half - 1,
                               .least = least,
                               .greatest = greatest,
                               .scale = rule->given};
    if (rule->given > 0) return result;
    if (rule->runtime) {
      float m = greatest > -least ? greatest : -least;
      result.scale = m > 0 ? m / (half - 0.5f) : FLT_EPSILON;
      return result;
    }
    int from_least = greatest < -least;
    float raw = round_to_type(from_least ? -least / half : -(greatest / half), type);
    result.scale = raw < 0 ? (raw > -theta ? -theta : raw) : (raw < theta ? theta : raw);
    float slope = fabsf(raw) < theta ? 0 : -1 / half;
    if (from_least)
      result.least_slope = slope;
    else
      result.greatest_slope = slope;
    return result;
  }
  activation_scale result = {
      .low = 0, .high = 2 * half - 1, .least = least, .greatest = greatest};
  float raw = round_to_type((greatest - least) / result.high, type);
  if (rule->runtime) theta = FLT_EPSILON;
  result.scale = raw < theta ? theta : raw;
  result.zero = clamp(rintf(-least / result.scale), 0, result.high);
  float slope = raw < theta ? 0 : 1 / result.high;
  result.greatest_slope = slope;
  result.least_slope = -slope;
  return result;
}

/// What becomes of one value: its number, its slope and its quotient.
INLINE nearest_float round_integer(float x, activation_scale s) {
  float quotient = x / s.scale;
  float unclamped = round_even(clamp(quotient, -0x1p20f, 0x1p20f)) + s.zero;
  float q = clamp(unclamped, s.low, s.high);
  return (nearest_float){quotient, q - s.zero, unclamped == q ? 1.0f : 0.0f};
}

INLINE nearest_float round_activation(float x, activation_scale s, int is_float,
                                      ck_float_format format) {
  return is_float ? round_value(x, 0, s.scale, s.inverse, format) : round_integer(x, s);
}

// Groups of this many values have loops of their own, whose length the compiler knows: at 16 or 32 values it
// would spend most of the time on the ends of loops otherwise. 0: no length is usual.
INLINE size_t usual_group(int is_float, ck_float_format format) {
  if (!is_float || format == CK_FP8) return 0;
  return format == CK_NVFP4 ? 16 : 32;
}

#define FAMILY "activation_quant.inc"
#include "each_isa.h"

void ck_activation_quantize(const ck_activation_rule *rule, const void *x, size_t x_stride, void *y,
                            size_t row_begin, size_t row_end) {
  CK_DISPATCH(activation_quantize, rule, x, x_stride, y, row_begin, row_end)
}

void ck_activation_backward(const ck_activation_rule *rule, const void *x, size_t x_stride,
                            const void *dy, void *dx, int accumulates, float *dscale,
                            size_t row_begin, size_t row_end) {
  CK_DISPATCH(activation_backward, rule, x, x_stride, dy, dx, accumulates, dscale, row_begin,
              row_end)
}

void ck_activation_extremes(ck_element type, const void *x, size_t x_stride, size_t columns,
                            float *least, float *greatest, size_t row_begin, size_t row_end) {
  for (size_t row = row_begin; row < row_end; row++) {
    extremes e = extremes_of(x, type, row * x_stride, columns);
    int is_nan = e.below > 0x7F800000 || e.above > 0x7F800000;
    least[row] = is_nan ? NAN : -float_of_bits(e.below);
    greatest[row] = is_nan ? NAN : float_of_bits(e.above);
  }
}
