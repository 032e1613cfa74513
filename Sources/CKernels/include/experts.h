/// Rows that are gathered for experts, and from them. See norm.h for the legend.
#ifndef CKERNELS_EXPERTS_H
#define CKERNELS_EXPERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elements.h"

/// y = sum over slots of weights[slot] * x[rows[slot]], added to y if `accumulates`; sums are f32 in the order of
/// slots, and rows below 0 are left out. Rows of x are `stride` elements apart.
void ck_sum_rows(ck_element type, const void *x, size_t stride, const int32_t *rows,
                 const float *weights, size_t count, void *y, size_t columns, bool accumulates);

/// The f32 sum of x[i] * y[i].
float ck_dot(ck_element type, const void *x, const void *y, size_t count);

#endif
