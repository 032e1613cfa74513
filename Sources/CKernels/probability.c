#include "probability.h"

#include <math.h>

#include "exp.h"
#include "variants.h"

static size_t largest(const float *x, size_t columns) {
  size_t best = 0;
  for (size_t c = 1; c < columns; c++) best = x[c] > x[best] ? c : best;
  return best;
}

#define FAMILY "probability.inc"
#include "each_isa.h"

static void log_sum_exp(const float *x, size_t columns, double *result) {
  CK_DISPATCH(log_sum_exp, x, columns, result);
}

static void kl_divergence(const float *x, const float *y, float x_log, float y_log, size_t columns,
                          double *result) {
  CK_DISPATCH(kl_divergence, x, y, x_log, y_log, columns, result);
}

double ck_log_sum_exp(const float *x, size_t columns) {
  double result = 0;
  log_sum_exp(x, columns, &result);
  return result;
}

double ck_kl_divergence(const float *x, const float *y, size_t columns) {
  double result = 0;
  kl_divergence(x, y, (float)ck_log_sum_exp(x, columns), (float)ck_log_sum_exp(y, columns), columns,
                &result);
  // Rounding may leave a little less than nothing; a NaN stays one.
  return result < 0 ? 0 : result;
}

size_t ck_largest(const float *x, size_t columns) { return largest(x, columns); }
