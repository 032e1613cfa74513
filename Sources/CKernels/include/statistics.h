/// Statistics of activations: which columns carry the most, and which differences are the largest.
#ifndef CKERNELS_STATISTICS_H
#define CKERNELS_STATISTICS_H

#include <stddef.h>

#include "elements.h"

/// Adds to each of the columns `begin ... end` the sum of its squares over `rows` rows.
void ck_add_column_squares(ck_element type, const void *x, size_t x_stride, size_t rows,
                           float *sums, size_t begin, size_t end);

/// |y - target| of the elements.
void ck_magnitudes(ck_element type, const void *y, const void *target, float *magnitudes,
                   size_t begin, size_t end);

/// The k-th largest of `n` numbers, k in 1 ... n, which are left in another order. Any of them if one is
/// NaN.
float ck_largest_of_rank(float *numbers, size_t n, size_t k);

/// y = target in the elements where they differ by `threshold` or more. What is infinite or NaN stays: it
/// is no outlier but a mistake, which the loss has to show.
void ck_replace_outliers(ck_element type, void *y, const void *target, float threshold,
                         size_t begin, size_t end);

#endif
