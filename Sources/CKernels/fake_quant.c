#include "fake_quant.h"

#include <math.h>

#include "scalar.h"
#include "variants.h"

// The variants must agree: without this, those with fused multiply-add would use it.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

/// Beyond any integer of 8 bits with any zero point; keeps the rounding below exact.
static const float x_limit = 1024;

/// Rounds half to even, |x| <= 2^22. Vectorizes on every instruction set.
INLINE float round_even(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

INLINE float clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

INLINE float sign_of(float x) { return x > 0 ? 1.0f : (x < 0 ? -1.0f : 0.0f); }

INLINE float load(const void *weight, ck_element type, size_t i) {
  return type == CK_BF16 ? bf16_to_f32(((const uint16_t *)weight)[i]) : ((const float *)weight)[i];
}

INLINE float round_f16(float x) { return f16_to_f32(f32_to_f16(x)); }

INLINE float round_to_type(float x, ck_scale_type type) {
  switch (type) {
    case CK_SCALE_F16: return round_f16(x);
    case CK_SCALE_BF16: return bf16_to_f32(f32_to_bf16(x));
    default: return x;
  }
}

INLINE float least_scale(ck_scale_type type) {
  return type == CK_SCALE_F32 ? 1e-8f : round_to_type(1e-5f, type);
}

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

INLINE size_t width_of_group(const ck_int_layer *layer, size_t group) {
  size_t rest = layer->columns - group * layer->group_size;
  return rest < layer->group_size ? rest : layer->group_size;
}

/// The scale before theta, with its sign.
INLINE float raw_scale(const ck_int_layer *layer, size_t p) {
  float low = layer->wmin[p] * layer->alpha[p], high = layer->wmax[p] * layer->beta[p];
  if (layer->symmetric) {
    float half = (float)(1 << (layer->bits - 1));
    float s = high < -low ? -low / half : -(high / half);
    return round_to_type(s, layer->scale_type);
  }
  return round_to_type((high - low) / grid_of(layer).high, layer->scale_type);
}

#define VARIANT(name) name##_portable
#include "fake_quant.inc"
#undef VARIANT
#if CK_HAS_X86
CK_BEGIN_AVX2
#define VARIANT(name) name##_avx2
#include "fake_quant.inc"
#undef VARIANT
CK_END
CK_BEGIN_AVX512
#define VARIANT(name) name##_avx512
#include "fake_quant.inc"
#undef VARIANT
CK_END
#endif

void ck_int_ranges(const ck_int_layer *layer, float *wmin, float *wmax, size_t row_begin,
                   size_t row_end) {
  CK_DISPATCH(int_ranges, layer, wmin, wmax, row_begin, row_end)
}

void ck_int_scales(const ck_int_layer *layer, size_t begin, size_t end) {
  float theta = least_scale(layer->scale_type);
  float high = grid_of(layer).high;
  for (size_t p = begin; p < end; p++) {
    layer->alpha[p] = clamp(layer->alpha[p], 0, 1);
    layer->beta[p] = clamp(layer->beta[p], 0, 1);
    float s = raw_scale(layer, p);
    s = s < 0 ? (s > -theta ? -theta : s) : (s < theta ? theta : s);
    layer->scale[p] = s;
    float low = layer->wmin[p] * layer->alpha[p];
    layer->zero[p] = layer->symmetric ? 0 : clamp(rintf(-low / s), 0, high);
  }
}

void ck_int_quantize(const ck_int_layer *layer, void *out, ck_element out_type, size_t stride,
                     size_t row_begin, size_t row_end) {
  CK_DISPATCH(int_quantize, layer, out, out_type, stride, row_begin, row_end)
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
    if (layer->symmetric) {
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

void ck_int_dequantize(const uint8_t *codes, float scale, float zero, void *out, ck_element out_type,
                       size_t n) {
  CK_DISPATCH(int_dequantize, codes, scale, zero, out, out_type, n)
}
