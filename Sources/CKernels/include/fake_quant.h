/// Fake quantization of weights to integers, its gradients, and the search for scales.
///
/// A weight `[rows, columns]` is cut along its rows into groups of `group_size` columns; the last
/// group of a row may be shorter. Each group has two range scales, alpha and beta, and from them a
/// scale `s` and a zero point `z`; each weight has a rounding offset `V`:
///
///     symmetric, M = 2^(bits-1):   a = -wmin*alpha, c = wmax*beta, s = +-max(a, c) / M, z = 0,
///                                  positive only if c < a; q in -M ... M-1
///     asymmetric, M = 2^bits - 1:  lo = wmin*alpha, hi = wmax*beta, s = (hi - lo) / M,
///                                  z = round(-lo / s); q in 0 ... M
///     q = clamp(round(w/s + V) + z);   y = s*(q - z)
///
/// `s` is rounded to the type in which it will be stored and kept at least `theta` away from zero.
/// All rounding is half to even; all arithmetic is f32, the division is a true one. Kernels over
/// rows write nothing outside their rows and add up within one group of one row only, so that
/// results do not depend on how rows are spread over threads. Kernels of different instruction
/// sets agree exactly but for the order of those sums.
///
/// Legend: R rows, C columns, G groups in one row, P parameter sets: R*G, or 1 for a whole tensor.
#ifndef CKERNELS_FAKE_QUANT_H
#define CKERNELS_FAKE_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "elements.h"

typedef enum {
  CK_SCALE_F32 = 0,   ///< theta = 1e-8
  CK_SCALE_F16 = 1,   ///< theta = 1e-5, rounded
  CK_SCALE_BF16 = 2,  ///< theta = 1e-5, rounded
} ck_scale_type;

typedef enum {
  CK_OFFSETS_F32 = 0,
  CK_OFFSETS_I16 = 1,  ///< whole numbers of units, at most 32767 either way
} ck_offset_type;

/// The V of a weight.
typedef struct {
  void *numbers;  ///< [R, C] f32 or int16
  size_t stride;  ///< C; or 0 where one row of zeros is the V of all, which then stays
  ck_offset_type type;
  float unit;  ///< of CK_OFFSETS_I16
} ck_offsets;

/// One weight and its parameters. The caller owns all memory.
typedef struct {
  const void *weight;  ///< [R, C] f32 or bf16, finite
  size_t columns, group_size, groups;
  /// Distance between the parameters of two rows: G, or 0 when one set serves the whole tensor;
  /// then `group_size` = C and G = 1.
  size_t parameter_stride;
  ck_element weight_type;
  int bits;  ///< 2 ... 8
  int symmetric;
  ck_scale_type scale_type;
  ck_offsets offsets;
  float *alpha, *beta;         ///< [P]
  const float *wmin, *wmax;    ///< [P], wmin <= 0 <= wmax
  /// Scales that beta multiplies instead of ranges, [P]: s = initial*beta, beta in 0 ... 2, alpha
  /// without effect. Null for scales from ranges; else the layer is symmetric.
  const float *initial;
  float *scale, *zero;         ///< [P]; `zero` is 0 when symmetric
} ck_int_layer;

/// min(0, least weight) and max(0, greatest weight) of each group of the rows, into [R, G] arrays;
/// NaN for a group with an infinite or NaN weight.
void ck_int_ranges(const ck_int_layer *layer, float *wmin, float *wmax, size_t row_begin,
                   size_t row_end);

/// Clamps alpha and beta to [0, 1], or to [0, 2], in place and computes scale and zero point of the parameter sets.
/// The zero point is kept in 0 ... M, which a scale that was rounded down to bf16 could leave.
void ck_int_scales(const ck_int_layer *layer, size_t begin, size_t end);

/// y of some rows and columns, f32 or bf16. `out` is the first of them; rows are `stride` elements apart.
void ck_int_quantize(const ck_int_layer *layer, void *out, ck_element out_type, size_t stride,
                     size_t row_begin, size_t row_end, size_t column_begin, size_t column_end);

/// One pass over the gradient `dy` [R, C] of the rows: V -= rate * sign(dV), dV = dy * s * in, where
/// in = 1 for weights that were not clamped. Where V is counted in units, the rate is rounded to whole ones. Each
/// group's sums go to [R, G] arrays:
/// dq = sum dy*(q - z), dx = sum dy*in*(w/s), dclip = sum dy*(in - 1).
void ck_int_update(const ck_int_layer *layer, const float *dy, float rate, float *dq, float *dx,
                   float *dclip, size_t row_begin, size_t row_end);

/// The same sums; dV itself goes to `dv` [R, C], and V stays.
void ck_int_gradients(const ck_int_layer *layer, const float *dy, float *dv, float *dq, float *dx,
                      float *dclip, size_t row_begin, size_t row_end);

/// Gradients of alpha and beta of the parameter sets from their sums:
///
///     dz = s * dclip;   ds = dq - dx + dz * lo/s^2
///     symmetric:   D = ds * sign(s) / M;  dbeta = D*wmax*[c > a];  dalpha = -D*wmin*[a > c]
///                  (half of each where a = c)
///     asymmetric:  D = ds / M;            dbeta = D*wmax;  dalpha = wmin*(-D - dz/s)
///     `initial`:   dbeta = ds*initial;    dalpha = 0
///
/// with ds = 0 where theta decided the scale. For f16 scales the terms of ds are rounded to f16 one
/// by one and summed in f16, as a framework does whose scale is an f16 tensor; the terms nearly
/// cancel, so that this decides signs. Other scale types keep ds in f32: bf16 has so few digits
/// that the sign of the rounded sum would often be noise, and nobody depends on it.
void ck_int_range_gradients(const ck_int_layer *layer, const float *dq, const float *dx,
                            const float *dclip, float *dalpha, float *dbeta, size_t begin,
                            size_t end);

/// p -= rate * sign(dp) for `n` parameters; the sign of zero and of NaN is 0.
void ck_sign_step(float *p, const float *dp, float rate, size_t n);

/// The integers q of the rows, counted from the least one: q + M when symmetric. [R, C].
void ck_int_codes(const ck_int_layer *layer, uint8_t *codes, size_t row_begin, size_t row_end);

/// Chooses the scale of each group of the rows, symmetric layers by trying inverse scales -(n - step*k) / (the weight
/// of largest magnitude), n = 2^(bits-1), for k = 0 and then k = -K ... K, and keeping the first
/// with the least sum of importance * (w - s*q)^2. 2 bits: step 0.01, K = 90; else 0.0075*n, 100.
///
/// `importance` [C] weighs columns; null weighs all equally. Its zeros are replaced group by group:
/// where most are zero, all become |w| (plus the root of sum(w^2)/32 above 3 bits); else a zero
/// becomes the mean of the others. Layers with a parameter set for each group only.
/// `scratch`: 2*group_size floats. Writes `scale`, at least 1e-5 in magnitude.
///
/// Asymmetric layers: scales (1 - k/64) * (wmax - wmin) / M, k = 0 ... 48, rounded to their type, at least
/// theta; for each, up to 9 zero points from that with which the grid begins at the least weight,
/// round(-wmin/s), to that with which it ends at the greatest, round(M - wmax/s). The first with the least
/// error; k = 0 is rounding to nearest. Writes `zero` too. (After NeUQI, arXiv 2505.17595, which tries every
/// zero point.)
void ck_int_search(const ck_int_layer *layer, const float *importance, float *scratch,
                   size_t row_begin, size_t row_end);

/// y = s * (code - zero) + bias of `n` codes of one group, the product rounded to f32 and the sum to the type of `out`, f32
/// or bf16. A bias of -0 leaves the product as it is.
void ck_int_dequantize(const uint8_t *codes, float scale, float zero, float bias, void *out,
                       ck_element out_type, size_t n);

#endif
