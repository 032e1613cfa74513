#include "fake_quant.h"

#include <math.h>

#include "variants.h"

// The variants must agree: without this, those with fused multiply-add would use it.
#pragma STDC FP_CONTRACT OFF

#include "rounding.h"

/// Beyond any integer of 8 bits with any zero point; keeps the rounding below exact.
static const float x_limit = 1024;

/// The grid of integers of a layer.
typedef struct {
  float low, high;
} int_grid;

INLINE int_grid grid_of(const ck_int_layer *layer) {
  float half = (float)(1 << (layer->bits - 1));
  if (layer->symmetric) return (int_grid){-half, half - 1};
  return (int_grid){0, 2 * half - 1};
}

/// What becomes of one weight.
typedef struct {
  float quotient;  ///< w/s
  float offset;    ///< q - z
  float inside;    ///< 1 unless clamped
} rounded;

INLINE rounded round_weight(float w, float v, float s, float z, int_grid grid) {
  float quotient = w / s;
  float unclamped = round_even(clamp(quotient + v, -x_limit, x_limit)) + z;
  float q = clamp(unclamped, grid.low, grid.high);
  return (rounded){quotient, q - z, unclamped == q ? 1.0f : 0.0f};
}

/// The scale before theta, with its sign.
INLINE float raw_scale(const ck_int_layer *layer, size_t p) {
  if (layer->initial) {
    float most = layer->scale_type == CK_SCALE_F16 ? 65504 : 3e38f;
    return round_to_type(clamp(layer->initial[p] * layer->beta[p], -most, most), layer->scale_type);
  }
  float low = layer->wmin[p] * layer->alpha[p], high = layer->wmax[p] * layer->beta[p];
  if (layer->symmetric) {
    float half = (float)(1 << (layer->bits - 1));
    float s = high < -low ? -low / half : -(high / half);
    return round_to_type(s, layer->scale_type);
  }
  return round_to_type((high - low) / grid_of(layer).high, layer->scale_type);
}

#define FAMILY "fake_quant.inc"
#include "each_isa.h"

void ck_int_ranges(const ck_int_layer *layer, float *wmin, float *wmax, size_t row_begin,
                   size_t row_end) {
  CK_DISPATCH(int_ranges, layer, wmin, wmax, row_begin, row_end)
}

void ck_int_scales(const ck_int_layer *layer, size_t begin, size_t end) {
  float theta = least_scale(layer->scale_type);
  float high = grid_of(layer).high, limit = layer->initial ? 2 : 1;
  for (size_t p = begin; p < end; p++) {
    layer->alpha[p] = clamp(layer->alpha[p], 0, limit);
    layer->beta[p] = clamp(layer->beta[p], 0, limit);
    float s = raw_scale(layer, p);
    s = s < 0 ? (s > -theta ? -theta : s) : (s < theta ? theta : s);
    layer->scale[p] = s;
    float low = layer->wmin[p] * layer->alpha[p];
    layer->zero[p] = layer->symmetric ? 0 : clamp(rintf(-low / s), 0, high);
  }
}

void ck_int_quantize(const ck_int_layer *layer, void *out, ck_element out_type, size_t stride,
                     size_t row_begin, size_t row_end, size_t column_begin, size_t column_end) {
  CK_DISPATCH(int_quantize, layer, out, out_type, stride, row_begin, row_end, column_begin,
              column_end)
}

void ck_int_update(const ck_int_layer *layer, const float *dy, float rate, float *dq, float *dx,
                   float *dclip, size_t row_begin, size_t row_end) {
  CK_DISPATCH(int_update, layer, dy, rate, dq, dx, dclip, row_begin, row_end)
}

void ck_int_gradients(const ck_int_layer *layer, const float *dy, float *dv, float *dq, float *dx,
                      float *dclip, size_t row_begin, size_t row_end) {
  CK_DISPATCH(int_gradients, layer, dy, dv, dq, dx, dclip, row_begin, row_end)
}

void ck_int_range_gradients(const ck_int_layer *layer, const float *dq, const float *dx,
                            const float *dclip, float *dalpha, float *dbeta, size_t begin,
                            size_t end) {
  float theta = least_scale(layer->scale_type);
  int half_precision = layer->scale_type == CK_SCALE_F16;
  int_grid grid = grid_of(layer);
  for (size_t p = begin; p < end; p++) {
    float s = layer->scale[p];
    float low = layer->wmin[p] * layer->alpha[p], high = layer->wmax[p] * layer->beta[p];
    float dz = layer->symmetric ? 0 : s * dclip[p];
    float through_zero = layer->symmetric ? 0 : dz * (low / s / s);
    float ds = half_precision ? round_f16(round_f16(round_f16(dq[p]) + round_f16(-dx[p])) +
                                          round_f16(through_zero))
                              : dq[p] - dx[p] + through_zero;
    if (fabsf(raw_scale(layer, p)) < theta) ds = 0;
    if (layer->initial) {
      dbeta[p] = ds * layer->initial[p];
      dalpha[p] = 0;
    } else if (layer->symmetric) {
      float d = (high < -low ? ds : -ds) / -grid.low;
      dbeta[p] = d * layer->wmax[p] * (high > -low ? 1.0f : high == -low ? 0.5f : 0.0f);
      dalpha[p] = -d * layer->wmin[p] * (-low > high ? 1.0f : high == -low ? 0.5f : 0.0f);
    } else {
      float d = ds / grid.high;
      dbeta[p] = layer->wmax[p] * d;
      dalpha[p] = layer->wmin[p] * (-d - dz / s);
    }
  }
}

void ck_sign_step(float *p, const float *dp, float rate, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] -= rate * sign_of(dp[i]);
}

void ck_int_codes(const ck_int_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end) {
  CK_DISPATCH(int_codes, layer, codes, row_begin, row_end)
}

void ck_int_search(const ck_int_layer *layer, const float *importance, float *scratch,
                   size_t row_begin, size_t row_end) {
  CK_DISPATCH(int_search, layer, importance, scratch, row_begin, row_end)
}

void ck_int_dequantize(const uint8_t *codes, float scale, float zero, float bias, void *out,
                       ck_element out_type, size_t n) {
  CK_DISPATCH(int_dequantize, codes, scale, zero, bias, out, out_type, n)
}
