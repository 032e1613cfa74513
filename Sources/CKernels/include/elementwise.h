/// Passes over activations that do one thing per element. See norm.h for the legend.
#ifndef CKERNELS_ELEMENTWISE_H
#define CKERNELS_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// y[r,c] = silu(x[r,c]) * x[r,C+c], silu(g) = g / (1 + e^-g): the left half of each row of x [R, 2C] is
/// the gate, the right half what it lets through. y is [R, C].
void ck_silu_gate(ck_element type, const void *x, void *y, size_t columns, size_t begin, size_t end);

/// dx [R, 2C] from dy [R, C] and x.
void ck_silu_gate_backward(ck_element type, const void *dy, const void *x, void *dx, size_t columns,
                           size_t begin, size_t end);

/// z[i] = x[i] + y[i] for i in [begin, end); z may be x or y.
void ck_add(ck_element type, const void *x, const void *y, void *z, size_t begin, size_t end);

/// Sum over [begin, end) of (y[i] - target[i])^2, in f64 over short f32 sums of fixed length;
/// g[i] = factor * (y[i] - target[i]) if `g` is not NULL.
double ck_squared_error(ck_element type, const void *y, const void *target, void *g, float factor,
                        size_t begin, size_t end);

#endif
