/// Norms over rows or groups of columns, forward and backward.
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

/// What stays the same for all rows. A row has G groups of C neighbouring columns, each normalized on its own:
/// one for a whole row, or one for each head.
typedef struct {
  size_t groups;        ///< G.
  size_t size;          ///< C.
  const float *weight;  ///< w: [C] for all groups, or [G, C]; NULL: 1.
  const float *bias;    ///< b, like the weight; NULL: 0. Not without a weight.
  size_t weight_step;   ///< Elements from one group's weights to the next's: 0 or C.
  bool is_centered;     ///< Whether the mean is taken away first: LayerNorm, else root-mean-square norm.
  float epsilon;
} ck_norm;

/// y = (x - m) * i * w + b in each group, with m its mean if `is_centered`, else 0, and
/// i = 1 / sqrt(mean((x - m)^2) + epsilon). `statistics` keeps i for the backward pass, [R, G]; with a mean i and
/// m, [R, G, 2].
void ck_norm_forward(ck_element type, const ck_norm *p, const void *x, size_t x_stride, void *y,
                     size_t y_stride, float *statistics, size_t begin, size_t end);

/// dx (+)= i w dy - (x - m) * i^3 / C * sum(w dy (x - m)), with a mean less i / C * sum(w dy).
/// Adds to dx if `accumulate`, which then is read first.
void ck_norm_backward(ck_element type, const ck_norm *p, const void *dy, size_t dy_stride,
                      const void *x, size_t x_stride, const float *statistics, void *dx,
                      size_t dx_stride, bool accumulate, size_t begin, size_t end);

/// dw += sum over the rows, in their order, of dy (x - m) i; as many elements as the weight has.
void ck_norm_weight_gradient(ck_element type, const ck_norm *p, const void *dy, size_t dy_stride,
                             const void *x, size_t x_stride, const float *statistics, float *dw,
                             size_t begin, size_t end);

/// db[c] += sum_r dy[r,c] over the rows, in their order.
void ck_column_sums(ck_element type, const void *dy, size_t dy_stride, float *db, size_t columns,
                    size_t begin, size_t end);

#endif
