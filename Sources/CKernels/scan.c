#include "scan.h"

#include <math.h>
#include <string.h>

#include "exp.h"
#include "variants.h"

#define FAMILY "scan_rows.inc"
#include "each_variant.h"
#undef FAMILY
#define FAMILY "scan.inc"
#include "each_isa.h"
#undef FAMILY

// Columns of a state that are done together, token after token: with all their rows they stay in a core's
// first-level cache.
enum { strip = 32 };

#define FAMILY "scan_tokens.inc"
#include "each_isa.h"

void ck_read_rows(ck_element type, const void *x, size_t stride, float *y, size_t rows,
                  size_t columns) {
  CK_DISPATCH_TYPED(type, read_rows, x, stride, y, rows, columns)
}

void ck_write_rows(ck_element type, const float *x, void *y, size_t stride, bool accumulate,
                   size_t rows, size_t columns) {
  CK_DISPATCH_TYPED(type, write_rows, x, y, stride, accumulate, rows, columns)
}

void ck_scaled_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns) {
  CK_DISPATCH(scaled_rows, x, scale, y, rows, columns)
}

void ck_add_scaled_rows(const float *x, const float *scale, float *y, size_t rows, size_t columns) {
  CK_DISPATCH(add_scaled_rows, x, scale, y, rows, columns)
}

void ck_row_dots(const float *x, const float *y, float *dots, size_t rows, size_t columns) {
  CK_DISPATCH(row_dots, x, y, dots, rows, columns)
}

void ck_unit_rows(float *x, float epsilon, float factor, float *inverse, size_t rows,
                  size_t columns) {
  CK_DISPATCH(unit_rows, x, epsilon, factor, inverse, rows, columns)
}

void ck_unit_rows_backward(const float *u, const float *inverse, float factor, float *d, size_t rows,
                           size_t columns) {
  CK_DISPATCH(unit_rows_backward, u, inverse, factor, d, rows, columns)
}

void ck_decays(const double *g, float *decays, size_t n) { CK_DISPATCH(decays, g, decays, n) }

void ck_lower(const float *d, const float *x, const float *scale, bool strict, float *y, size_t n) {
  CK_DISPATCH(lower, d, x, scale, strict, y, n)
}

void ck_pair_sums(const float *y, const float *x, double *sums, size_t n) {
  CK_DISPATCH(pair_sums, y, x, sums, n)
}

void ck_solve(const float *a, float *x, size_t n, size_t columns) {
  CK_DISPATCH(solve, a, x, n, columns)
}

void ck_solve_transposed(const float *a, float *x, size_t n, size_t columns) {
  CK_DISPATCH(solve_transposed, a, x, n, columns)
}

void ck_time_steps(const float *x, const float *bias, float least, float greatest, float *size,
                   float *slope, size_t rows, size_t columns) {
  CK_DISPATCH(time_steps, x, bias, least, greatest, size, slope, rows, columns)
}

size_t ck_scan_scratch_count(const ck_scan *p, bool backward) {
  // Powers and a strip of the state; for the backward pass also a strip of its gradient, the states after all
  // tokens, and their errors before and after the rate.
  const size_t forward = p->tokens * p->key_size + p->key_size * strip;
  return forward + (backward ? (p->tokens + 1) * p->key_size * strip + 2 * p->tokens * strip : 0);
}

void ck_scan_forward(const ck_scan *p, float *state, float *outputs, float *scratch) {
  CK_DISPATCH(scan_forward, p, state, outputs, scratch)
}

void ck_scan_backward(const ck_scan *p, const float *state, const ck_scan_gradients *d, float *dstate,
                      float *scratch) {
  CK_DISPATCH(scan_backward, p, state, d, dstate, scratch)
}
