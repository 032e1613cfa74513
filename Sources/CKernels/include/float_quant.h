/// Fake quantization of weights to floats of 8 and 4 bits, its gradients, and the search for scales.
///
/// A weight `[rows, columns]` is cut into groups: `group_size` columns of `row_span` rows, fewer at
/// the right and lower edges. Each group has a range scale beta and from it a scale `S`; each weight
/// has an offset `V` in scaled units. With `m = beta * max|w|` of the group:
///
///     FP8:    S = max(m/448, 1/(448*512)), rounded to the type in which it will be stored
///     MXFP:   S = 2^e, e = floor(log2 m) - emax within -127 ... 127; emax is 2 for e2m1, 8 for e4m3;
///             e = 1 - emax for m = 0
///     NVFP4:  t = e4m3(global * m/6), o = 1/(t/global), S = 1/o; reciprocals of 0 are 0
///     x = w/S + V (NVFP4: w*o + V);   f = nearest(clamp(x));   y = f*S
///
/// `nearest` is the nearest number of the format, ties to the even mantissa; FP8 and MXFP8 have
/// e4m3 (greatest 448), the others e2m1 (greatest 6). Gradients go straight through `nearest` and
/// `floor`, so that with in = [|x| <= greatest]
///
///     FP8:    f' = in;   NVFP4: f' = in * [x != 0]
///     MXFP:   f' = in * f/x where |x| is at least the least normal number, in * [x != 0] below,
///             because its rounding divides by a power of two that the value itself decides
///     dV = dy*S*f';   D = sum dy*f - sum dy*f'*(w/S)
///     dbeta = D * max|w|/448 (FP8), D * S/beta (MXFP), D * max|w|/6 (NVFP4)
///
/// and dbeta = 0 where a limit decided the scale, and for groups of zeros. All arithmetic is f32.
/// Kernels over rows write nothing outside their rows and sum within one group of one row only.
#ifndef CKERNELS_FLOAT_QUANT_H
#define CKERNELS_FLOAT_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "elements.h"
#include "fake_quant.h"

typedef enum {
  CK_FP8 = 0,
  CK_MXFP8 = 1,
  CK_MXFP4 = 2,
  CK_NVFP4 = 3,
} ck_float_format;

/// The least scale of FP8, that of a group of zeros.
static const float ck_least_fp8_scale = 1.0f / (448.0f * 512.0f);

/// One weight and its parameters. The caller owns all memory. P parameter sets lie row of groups
/// after row of groups: ceil(R / row_span) * groups.
typedef struct {
  const void *weight;  ///< [R, C] f32 or bf16, finite
  size_t columns, group_size, groups, row_span;
  ck_element weight_type;
  ck_float_format format;
  ck_scale_type scale_type;  ///< of FP8
  float global;              ///< of NVFP4, positive; or 0 for a weight of zeros
  float beta_limit;
  ck_offsets offsets;
  float *beta;            ///< [P]
  const float *greatest;  ///< max|w|, [P]
  float *scale;           ///< S, [P]
  float *inverse;         ///< o of NVFP4, [P]
  float *stored;          ///< t of NVFP4, else S, [P]
} ck_float_layer;

/// max|w| of each group of the rows, into [R, G]; NaN for a group with an infinite or NaN weight.
void ck_float_greatest(const ck_float_layer *layer, float *greatest, size_t row_begin,
                       size_t row_end);

/// Clamps beta to 0 ... `beta_limit` in place and computes the scales of the parameter sets.
void ck_float_scales(const ck_float_layer *layer, size_t begin, size_t end);

/// y of some rows and columns, f32 or bf16. `out` is the first of them; rows are `stride` elements apart.
void ck_float_quantize(const ck_float_layer *layer, void *out, ck_element out_type, size_t stride,
                       size_t row_begin, size_t row_end, size_t column_begin, size_t column_end);

/// One pass over the gradient `dy` [R, C] of the rows: V -= rate * sign(dV), as in fake_quant.h. The sums
/// df = sum dy*f and dx = sum dy*f'*(w/S) of each group go to [R, G] arrays.
void ck_float_update(const ck_float_layer *layer, const float *dy, float rate, float *df,
                     float *dx, size_t row_begin, size_t row_end);

/// The same sums; dV itself goes to `dv` [R, C], and V stays.
void ck_float_gradients(const ck_float_layer *layer, const float *dy, float *dv, float *df,
                        float *dx, size_t row_begin, size_t row_end);

/// Gradients of beta of the parameter sets from their sums.
void ck_float_range_gradients(const ck_float_layer *layer, const float *df, const float *dx,
                              float *dbeta, size_t begin, size_t end);

/// The codes of f of the rows, [R, C]: e4m3 in 8 bits, e2m1 in the lower 4; 0 where S is 0.
void ck_float_codes(const ck_float_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end);

/// For each group of the rows the factor on max|w| with the least sum of importance * (w - y)^2 at
/// V = 0 and beta = 1; the first of equals. MXFP tries 1, 0.5, 2; NVFP4 1 and 0.5 ... 1.51 in steps
/// of 0.01; FP8 only 1. `importance` [C] weighs columns; null weighs all equally. Layers whose row
/// span is 1 only. Into `factor` [P].
void ck_float_search(const ck_float_layer *layer, const float *importance, float *factor,
                     size_t row_begin, size_t row_end);

/// y = scale * f of `n` codes of one group, rounded to the type of `out`, f32 or bf16.
void ck_float_dequantize(const uint8_t *codes, ck_float_format format, float scale, void *out,
                         ck_element out_type, size_t n);

/// e4m3 numbers as f32, and back to the nearest; NaN is 0x7F, and what is beyond 448 becomes 448.
void ck_e4m3_to_f32(const uint8_t *codes, float *out, size_t n);
void ck_f32_to_e4m3(const float *x, uint8_t *codes, size_t n);

#endif
