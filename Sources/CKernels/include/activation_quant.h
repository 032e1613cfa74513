/// Quantization of a linear layer's input to the numbers that a runtime computes with, and the
/// gradient through it.
///
/// Each row is cut into groups of `group_size` columns with a scale each, found from the values as
/// they come unless it is given. The numbers and formulas are those of weights with V = 0,
/// alpha = beta = 1 (fake_quant.h, float_quant.h). Two rules differ in how scales are found:
///
///     tuning:   as weights find theirs: integers of full range with scales in f16
///     runtime:  symmetric integers with s = max|x| / ((2^bits - 1)/2), f32 scales, and MX exponents
///               one higher from 1.75 * 2^k on: those of m + 2^(k-2), k = floor(log2 m)
///
/// The gradient of the input flows through the values, straight through rounding, and through the
/// largest magnitude of the group to its first element that has it.
#ifndef CKERNELS_ACTIVATION_QUANT_H
#define CKERNELS_ACTIVATION_QUANT_H

#include <stddef.h>

#include "elements.h"
#include "float_quant.h"

typedef struct {
  int is_float;
  ck_float_format format;  ///< of floats
  int bits, symmetric;     ///< of integers
  int runtime;
  size_t columns, group_size;
  /// FP8 and symmetric integers: the scale, if positive; else scales are found. NVFP4: the global scale,
  /// positive.
  float given;
  ck_element type;
} ck_activation_rule;

/// y of the rows from x; rows lie `x_stride` and `columns` elements apart.
void ck_activation_quantize(const ck_activation_rule *rule, const void *x, size_t x_stride, void *y,
                            size_t row_begin, size_t row_end);

/// dx of the rows, written or added to, from dy `[rows, columns]` and x, which share a stride. Where
/// `dscale` is not null it gets each row's gradient of the given scale; `dx` may be null.
void ck_activation_backward(const ck_activation_rule *rule, const void *x, size_t x_stride,
                            const void *dy, void *dx, int accumulates, float *dscale,
                            size_t row_begin, size_t row_end);

/// min(0, least x) and max(0, greatest x) of each of the rows; a NaN makes both NaN.
void ck_activation_extremes(ck_element type, const void *x, size_t x_stride, size_t columns,
                            float *least, float *greatest, size_t row_begin, size_t row_end);

#endif
