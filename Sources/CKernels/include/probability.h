/// Probabilities over a vocabulary, from rows of f32 logits.
#ifndef CKERNELS_PROBABILITY_H
#define CKERNELS_PROBABILITY_H

#include <stddef.h>
#include <stdint.h>

/// log(sum_c exp(x[c])) over one row of `columns` logits, in f64.
double ck_log_sum_exp(const float *x, size_t columns);

/// sum_c p[c] (log p[c] - log q[c]) in nats, for the softmaxes p of `x` and q of `y`.
double ck_kl_divergence(const float *x, const float *y, size_t columns);

/// Index of the largest element; the first of equals.
size_t ck_largest(const float *x, size_t columns);

#endif
