/// What is done to the rows and squares of a chunk of a scan besides products (product.h): by one thread, in f32, on
/// matrices whose rows have no gaps unless a stride says so.
#ifndef CKERNELS_SCAN_H
#define CKERNELS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// y[r,c] = x[r,c], rows of x `stride` elements apart.
void ck_read_rows(ck_element type, const void *x, size_t stride, float *y, size_t rows,
                  size_t columns);

/// y[r,c] = x[r,c], or is that added to it; rows of y `stride` elements apart.
void ck_write_rows(ck_element type, const float *x, void *y, size_t stride, bool accumulate,
                   size_t rows, size_t columns);

/// y[r,:] = scale[r] x[r,:]; y may be x.
void ck_scaled_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns);

/// y[r,:] += scale[r] x[r,:]
void ck_add_scaled_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns);

/// dots[r] = x[r,:] . y[r,:]
void ck_row_dots(const float *x, const float *y, float *dots, size_t rows, size_t columns);

/// x[r,:] = factor i x[r,:] with i = 1 / sqrt(sum x[r,:]^2 + epsilon), which `inverse` [rows] keeps.
void ck_unit_rows(float *x, float epsilon, float factor, float *inverse, size_t rows,
                  size_t columns);

/// From the gradient d of u, what ck_unit_rows made, in place the gradient of what it was made of:
/// factor i d - i / factor u (u . d).
void ck_unit_rows_backward(const float *u, const float *inverse, float factor, float *d, size_t rows,
                           size_t columns);

/// decays[t,j] = e^(g[t] - g[j]) for j <= t, else 0; [n, n] of numbers that fall from row to row.
void ck_decays(const double *g, float *decays, size_t n);

/// y[t,j] = scale[t] d[t,j] x[t,j] for j <= t, or j < t if `strict`, else 0; without `scale` 1, and without d 1.
/// What x has elsewhere is not looked at; y may be x.
void ck_lower(const float *d, const float *x, const float *scale, bool strict, float *y, size_t n);

/// For each pair i < t adds y[t,i] x[t,i] to sums[t] and takes it from sums[i].
void ck_pair_sums(const float *y, const float *x, double *sums, size_t n);

/// x [n, columns] = (1 + a)^-1 x, with a [n, n] zero on and right of its diagonal.
void ck_solve(const float *a, float *x, size_t n, size_t columns);

/// x [n, columns] = (1 + a^T)^-1 x
void ck_solve_transposed(const float *a, float *x, size_t n, size_t columns);

/// size[r,c] = the softplus of x[r,c] + bias[c], between `least` and `greatest`, and slope[r,c] its derivative.
void ck_time_steps(const float *x, const float *bias, float least, float greatest, float *size,
                   float *slope, size_t rows, size_t columns);

/// A scan token by token, with a decay of its own for each channel of the keys.
typedef struct {
  size_t tokens, key_size, value_size;
  const float *queries, *keys;  ///< [tokens, key_size]
  const float *values;          ///< [tokens, value_size]
  const float *exponents;       ///< [tokens, key_size], 0 or less.
  const float *rates;           ///< [tokens]; NULL: values are not corrected, e = v.
} ck_scan;

/// Floats of scratch memory for each pass.
size_t ck_scan_scratch_count(const ck_scan *p, bool backward);

/// For each token, with a state S [key_size, value_size] in `state`, which becomes that after the last:
///
///     S[c,:] *= e^exponent[c]    e = rate (v - S^T k)    S += k e^T    outputs = S^T q
void ck_scan_forward(const ck_scan *p, float *state, float *outputs, float *scratch);

/// The gradients from that of the outputs and, in `dstate`, of the state after the last token, which becomes that of
/// `state`, the one before the first. Those of queries and keys are added to what is there.
typedef struct {
  const float *outputs;
  float *queries, *keys, *values, *exponents, *rates;
} ck_scan_gradients;

void ck_scan_backward(const ck_scan *p, const float *state, const ck_scan_gradients *d, float *dstate,
                      float *scratch);

#endif
