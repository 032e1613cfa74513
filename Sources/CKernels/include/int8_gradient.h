/// Gradients of linear layers from products of 8-bit integers.
///
/// A matrix product sums over one dimension, so each operand may have a factor of its own for every index
/// of the other: the gradient of a weight, dW = dY^T X, sums over tokens, and dX = dY W over outputs. With
/// columns scaled each by itself,
///
///     dY[t,n] = c[n] * a[t,n],   X[t,k] = x[k] * b[t,k],   c[n] W[n,k] = w[k] * v[n,k]
///     dW[n,k] = c[n] x[k] * sum_t a[t,n] b[t,k],           dX[t,k] = w[k] * sum_n a[t,n] v[n,k]
///
/// where a, b and v are integers of -127 ... 127. They are rounded at random, up with the probability of
/// the fraction, so that their mean is the value itself: small gradients beside large ones are not lost
/// but noisy, and sums over thousands of tokens average the noise. The random numbers depend on row,
/// column and a seed; operands of one product need different seeds, or the mean of a product of elements
/// in the same place would not be the product of their means.
///
/// See norm.h for the legend.
#ifndef CKERNELS_INT8_GRADIENT_H
#define CKERNELS_INT8_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elements.h"

/// greatest[c] = max(greatest[c], |x[r,c] * factors[r]|) over the rows; NaN is passed over. `factors` may
/// be NULL.
void ck_column_magnitudes(ck_element type, const void *x, size_t stride, const float *factors,
                          float *greatest, size_t columns, size_t begin, size_t end);

/// q[r,c] = x[r,c] * factors[r] / scales[c] rounded at random, `scales` at least greatest / 127;
/// q is [R, C]. NaN and columns whose scale is 0 become 0.
void ck_quantize_columns(ck_element type, const void *x, size_t stride, const float *factors,
                         const float *scales, uint32_t seed, int8_t *q, size_t columns, size_t begin,
                         size_t end);

/// Replaces i32 sums [R, C] by factors[r] * scales[c] * sums[r,c] in f32, in place.
void ck_scale_sums_in_place(void *sums, const float *factors, const float *scales, size_t columns,
                            size_t begin, size_t end);

/// y[r,c] (+)= scales[c] * sums[r,c].
void ck_scale_sums(ck_element type, const int32_t *sums, const float *scales, void *y,
                   size_t stride, bool accumulate, size_t columns, size_t begin, size_t end);

#endif
