/// Fake quantization of weights whose scales and biases are given and stay: the blocks of GGUF, which are searched.
///
/// A weight `[rows, columns]` is cut along its rows into groups of `group_size` columns, which divides them. Each group has
/// a scale `s` and a bias `b`, each weight a rounding offset `V`:
///
///     q = clamp(round((w - b) * i + V), low, high);   y = s*q + b,   i = 1/s, or 0 where there is no scale
///
/// Rounding, arithmetic and the promises of the kernels are those of `fake_quant.h`.
#ifndef CKERNELS_BLOCK_QUANT_H
#define CKERNELS_BLOCK_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "elements.h"
#include "fake_quant.h"

/// One weight and its parameters. The caller owns all memory.
typedef struct {
  const void *weight;  ///< [R, C] f32 or bf16, finite
  size_t columns, group_size, groups;
  ck_element weight_type;
  float low, high;  ///< whole numbers
  ck_offsets offsets;
  const float *scale, *inverse, *bias;  ///< [R, G]; a bias of -0 leaves products as they are
} ck_block_layer;

/// y of some rows and columns, f32 or bf16. `out` is the first of them; rows are `stride` elements apart.
void ck_block_quantize(const ck_block_layer *layer, void *out, ck_element out_type, size_t stride,
                       size_t row_begin, size_t row_end, size_t column_begin, size_t column_end);

/// V -= rate * sign(dV) for the rows, dV = dy * s for weights that were not clamped and 0 for others; `dy` is [R, C]. Where V
/// is counted in units, the rate is rounded to whole ones.
void ck_block_update(const ck_block_layer *layer, const float *dy, float rate, size_t row_begin,
                     size_t row_end);

/// dV itself into `dv` [R, C]; V stays.
void ck_block_gradients(const ck_block_layer *layer, const float *dy, float *dv, size_t row_begin,
                        size_t row_end);

/// q - low of the rows, [R, C].
void ck_block_codes(const ck_block_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end);

#endif
