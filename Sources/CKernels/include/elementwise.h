/// Passes over activations that do one thing per element. See norm.h for the legend.
#ifndef CKERNELS_ELEMENTWISE_H
#define CKERNELS_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// z[i] = x[i] + y[i] for i in [begin, end); z may be x or y.
void ck_add(ck_element type, const void *x, const void *y, void *z, size_t begin, size_t end);

/// Sum over [begin, end) of (y[i] - target[i])^2, in f64 over short f32 sums of fixed length;
/// g[i] = factor * (y[i] - target[i]) if `g` is not NULL.
double ck_squared_error(ck_element type, const void *y, const void *target, void *g, float factor,
                        size_t begin, size_t end);

#endif
