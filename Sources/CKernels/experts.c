#include "experts.h"

#include "scalar.h"
#include "variants.h"

#define FAMILY "experts.inc"
#include "each_variant.h"

void ck_sum_rows(ck_element type, const void *x, size_t stride, const int32_t *rows,
                 const float *weights, size_t count, void *y, size_t columns, bool accumulates) {
  CK_DISPATCH_TYPED(type, sum_rows, x, stride, rows, weights, count, y, columns, accumulates)
}

static void dot(ck_element type, const void *x, const void *y, size_t count, float *result) {
  CK_DISPATCH_TYPED(type, dot, x, y, count, result)
}

float ck_dot(ck_element type, const void *x, const void *y, size_t count) {
  float result = 0;
  dot(type, x, y, count, &result);
  return result;
}
