/// Root-mean-square norm over rows, forward and backward.
///
/// Legend for this and the other headers of block kernels: R rows (tokens of all sequences), C
/// columns, `begin`/`end` the rows that this call does, so that a team can share them. Element
/// pointers are f32 or bf16 as `type` says; arithmetic and statistics are f32. `x_stride` and the like
/// are the elements from one row to the next. Buffers do not overlap unless a kernel says so.
#ifndef CKERNELS_NORM_H
#define CKERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// y[r,c] = x[r,c] * i[r] * w[c], i[r] = 1 / sqrt(mean_c(x[r,c]^2) + epsilon).
/// `inverse` [R] keeps i for the backward pass.
void ck_rms_norm(ck_element type, const void *x, const float *w, void *y, float *inverse,
                 size_t columns, float epsilon, size_t begin, size_t end);

/// dx[r,c] (+)= i[r] * w[c] dy[r,c] - x[r,c] * i[r]^3 / C * sum_c(w[c] dy[r,c] x[r,c]).
/// Adds to dx if `accumulate`, which then is read first.
void ck_rms_norm_backward(ck_element type, const void *dy, const void *x, const float *w,
                          const float *inverse, void *dx, size_t columns, bool accumulate,
                          size_t begin, size_t end);

/// dw[c] += sum_r dy[r,c] x[r,c] i[r] over the rows, in their order.
void ck_rms_norm_weight_gradient(ck_element type, const void *dy, const void *x,
                                 const float *inverse, float *dw, size_t columns, size_t begin,
                                 size_t end);

/// db[c] += sum_r dy[r,c] over the rows, in their order.
void ck_column_sums(ck_element type, const void *dy, float *db, size_t columns, size_t begin,
                    size_t end);

#endif
