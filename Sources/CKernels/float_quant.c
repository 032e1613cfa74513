#include "float_quant.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "variants.h"

// The variants must agree: without this, those with fused multiply-add would use it.
#pragma STDC FP_CONTRACT OFF

#include "minifloat.h"

static const float sixth = 1.0f / 6.0f;

/// The magnitude that `factor` makes of a group's greatest, finite.
static float times(float greatest, float factor) {
  float m = greatest * factor;
  return m > FLT_MAX ? FLT_MAX : m;
}

/// The scale of a group whose greatest magnitude is `m`.
typedef struct {
  float scale, inverse, stored;
} group_scale;

static group_scale scale_of(const ck_float_layer *layer, float m) {
  switch (layer->format) {
    case CK_FP8: {
      float s = m / 448;
      s = round_to_type(s < ck_least_fp8_scale ? ck_least_fp8_scale : s, layer->scale_type);
      return (group_scale){s, 0, s};
    }
    case CK_MXFP8:
    case CK_MXFP4: {
      int exponent = layer->format == CK_MXFP8 ? -7 : -1;
      if (m > 0) exponent = mx_exponent(m, layer->format);
      exponent = exponent < -127 ? -127 : exponent > 127 ? 127 : exponent;
      float s = ldexpf(1, exponent);
      return (group_scale){s, 0, s};
    }
    default: {
      float t = clamp(layer->global * (m * sixth), -448, 448);
      float stored = round_minifloat(t, minifloat_of(CK_FP8));
      float inverse = reciprocal(stored * reciprocal(layer->global));
      return (group_scale){reciprocal(inverse), inverse, stored};
    }
  }
}

INLINE size_t parameter_of(const ck_float_layer *layer, size_t row, size_t group) {
  return row / layer->row_span * layer->groups + group;
}

#define FAMILY "float_quant.inc"
#include "each_isa.h"

void ck_float_greatest(const ck_float_layer *layer, float *greatest, size_t row_begin,
                       size_t row_end) {
  CK_DISPATCH(float_greatest, layer, greatest, row_begin, row_end)
}

void ck_float_scales(const ck_float_layer *layer, size_t begin, size_t end) {
  for (size_t p = begin; p < end; p++) {
    layer->beta[p] = clamp(layer->beta[p], 0, layer->beta_limit);
    group_scale s = scale_of(layer, times(layer->greatest[p], layer->beta[p]));
    layer->scale[p] = s.scale;
    layer->inverse[p] = s.inverse;
    layer->stored[p] = s.stored;
  }
}

void ck_float_quantize(const ck_float_layer *layer, void *out, ck_element out_type, size_t stride,
                       size_t row_begin, size_t row_end, size_t column_begin, size_t column_end) {
  CK_DISPATCH(float_quantize, layer, out, out_type, stride, row_begin, row_end, column_begin,
              column_end)
}

void ck_float_update(const ck_float_layer *layer, const float *dy, float rate, float *df,
                     float *dx, size_t row_begin, size_t row_end) {
  CK_DISPATCH(float_update, layer, dy, rate, df, dx, row_begin, row_end)
}

void ck_float_gradients(const ck_float_layer *layer, const float *dy, float *dv, float *df,
                        float *dx, size_t row_begin, size_t row_end) {
  CK_DISPATCH(float_gradients, layer, dy, dv, df, dx, row_begin, row_end)
}

void ck_float_range_gradients(const ck_float_layer *layer, const float *df, const float *dx,
                              float *dbeta, size_t begin, size_t end) {
  for (size_t p = begin; p < end; p++) {
    float d = df[p] - dx[p], beta = layer->beta[p], greatest = layer->greatest[p];
    float m = times(greatest, beta), factor = 0;
    switch (layer->format) {
      case CK_FP8:
        if (m / 448 >= ck_least_fp8_scale) factor = greatest / 448;
        break;
      case CK_MXFP8:
      case CK_MXFP4:
        if (m > 0 && abs(mx_exponent(m, layer->format)) <= 127) factor = layer->scale[p] / beta;
        break;
      default:
        if (layer->global * (m * sixth) <= 448) factor = greatest * sixth;
    }
    dbeta[p] = factor == 0 ? 0 : d * factor;
  }
}

void ck_float_codes(const ck_float_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end) {
  CK_DISPATCH(float_codes, layer, codes, row_begin, row_end)
}

void ck_float_search(const ck_float_layer *layer, const float *importance, float *factor,
                     size_t row_begin, size_t row_end) {
  CK_DISPATCH(float_search, layer, importance, factor, row_begin, row_end)
}

void ck_float_dequantize(const uint8_t *codes, ck_float_format format, float scale, void *out,
                         ck_element out_type, size_t n) {
  CK_DISPATCH(float_dequantize, codes, format, scale, out, out_type, n)
}

void ck_e4m3_to_f32(const uint8_t *codes, float *out, size_t n) {
  minifloat grid = minifloat_of(CK_FP8);
  for (size_t i = 0; i < n; i++) out[i] = minifloat_value(codes[i], grid);
}

void ck_f32_to_e4m3(const float *x, uint8_t *codes, size_t n) {
  minifloat grid = minifloat_of(CK_FP8);
  for (size_t i = 0; i < n; i++) {
    float nearest = round_minifloat(clamp(x[i], -448, 448), grid);
    codes[i] = x[i] != x[i] ? 0x7F : minifloat_code(nearest, grid);
  }
}
