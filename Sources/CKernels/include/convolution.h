/// The causal depthwise convolution over the tokens of a sequence. See norm.h for the legend.
#ifndef CKERNELS_CONVOLUTION_H
#define CKERNELS_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"
#include "gate.h"

/// The most taps that a convolution has.
enum { CK_CONVOLUTION_TAPS = 8 };

/// What stays the same for all rows.
typedef struct {
  size_t tokens;        ///< Rows of one sequence.
  size_t columns;       ///< C.
  size_t taps;          ///< K, up to CK_CONVOLUTION_TAPS. The last one belongs to the token itself.
  const float *weight;  ///< w: [C, K]
  const float *bias;    ///< b: [C], or NULL for 0.
  bool has_silu;        ///< Whether f(a) = a / (1 + e^-a), else f(a) = a.
} ck_convolution;

/// y[t,c] = f(a), a = b[c] + sum_j w[c,j] x[t-K+1+j,c], where tokens before the first of a sequence are zeros, or
/// the K - 1 rows of `history`, C columns each, if there is one sequence and it has one.
void ck_convolution_forward(ck_element type, const ck_convolution *p, const void *x, size_t x_stride,
                            const void *history, void *y, size_t y_stride, size_t begin, size_t end);

/// dx[t,c] (+)= sum_j w[c,j] da[t+K-1-j,c] over the tokens that the sequence has, da = dy f'(a).
void ck_convolution_backward(ck_element type, const ck_convolution *p, const void *dy,
                             size_t dy_stride, const void *x, size_t x_stride, ck_gradient dx,
                             size_t begin, size_t end);

/// dw[c,j] += sum_t da[t,c] x[t-K+1+j,c] and, if `db` is not NULL, db[c] += sum_t da[t,c], over the rows in
/// their order.
void ck_convolution_weight_gradient(ck_element type, const ck_convolution *p, const void *dy,
                                    size_t dy_stride, const void *x, size_t x_stride, float *dw,
                                    float *db, size_t begin, size_t end);

#endif
