#include "block_quant.h"

#include "variants.h"

// The variants must agree: without this, those with fused multiply-add would use it.
#pragma STDC FP_CONTRACT OFF

#include "rounding.h"

/// Beyond any code; keeps the rounding below exact.
static const float x_limit = 1024;

/// What becomes of one weight.
typedef struct {
  float q;
  float inside;  ///< 1 unless clamped
} block_code;

INLINE block_code code_of(float w, float v, float inverse, float bias, float low, float high) {
  float unclamped = round_even(clamp((w - bias) * inverse + v, -x_limit, x_limit));
  float q = clamp(unclamped, low, high);
  return (block_code){q, unclamped == q ? 1.0f : 0.0f};
}

#define FAMILY "block_quant.inc"
#include "each_isa.h"

void ck_block_quantize(const ck_block_layer *layer, void *out, ck_element out_type, size_t stride,
                       size_t row_begin, size_t row_end, size_t column_begin, size_t column_end) {
  CK_DISPATCH(block_quantize, layer, out, out_type, stride, row_begin, row_end, column_begin,
              column_end)
}

void ck_block_update(const ck_block_layer *layer, const float *dy, float rate, size_t row_begin,
                     size_t row_end) {
  CK_DISPATCH(block_update, layer, dy, rate, row_begin, row_end)
}

void ck_block_gradients(const ck_block_layer *layer, const float *dy, float *dv, size_t row_begin,
                        size_t row_end) {
  CK_DISPATCH(block_gradients, layer, dy, dv, row_begin, row_end)
}

void ck_block_codes(const ck_block_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end) {
  CK_DISPATCH(block_codes, layer, codes, row_begin, row_end)
}
