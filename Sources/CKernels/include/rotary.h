/// Queries and keys of attention: an optional root-mean-square norm of each head, then the rotary
/// position embedding, forward and backward. See norm.h for the legend.
#ifndef CKERNELS_ROTARY_H
#define CKERNELS_ROTARY_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// What stays the same for all rows.
typedef struct {
  size_t heads;          ///< Heads in a row.
  size_t head_size;      ///< Channels of a head, D.
  size_t first;          ///< The first channel of a head that is rotated.
  size_t rotated;        ///< Channels that are rotated; even, first + rotated <= D.
  bool neighbours;       ///< Whether channel 2k is rotated with 2k + 1, rather than k with k + rotated / 2.
  size_t tokens;         ///< Rows of one sequence; row r stands at position r % tokens + offset.
  size_t position_offset;
  const float *cosines;  ///< [positions, rotated / 2]
  const float *sines;    ///< [positions, rotated / 2]
  const float *weight;   ///< [D], the norm's weight, or NULL for no norm.
  float epsilon;
} ck_rotary;

/// For each row and head: u = x, or x * i * weight with i = 1 / sqrt(mean(x^2) + epsilon); then
/// y[k] = u[k] cos - u[k+h] sin, y[k+h] = u[k+h] cos + u[k] sin for k < h = rotated / 2, counted from `first`, the
/// rest as it is; of neighbours, [2k] and [2k+1] stand for [k] and [k+h]. `inverse` [R, heads] keeps i; it is not touched without a norm.
void ck_rotary_forward(ck_element type, const ck_rotary *p, const void *x, size_t x_stride, void *y,
                       size_t y_stride, float *inverse, size_t begin, size_t end);

/// dx from dy, which is added to it if `accumulate`: the rotation back by the same angle, then the norm's derivative at x.
/// `dweight` [D], if not NULL, gets the sum of the norm weight's gradient over the rows added.
void ck_rotary_backward(ck_element type, const ck_rotary *p, const void *dy, size_t dy_stride,
                        const void *x, size_t x_stride, const float *inverse, void *dx,
                        size_t dx_stride, bool accumulate, float *dweight, size_t begin,
                        size_t end);

#endif
