#include "norm.h"

#include <math.h>

#include "scalar.h"
#include "variants.h"

#define FAMILY "norm.inc"
#include "each_variant.h"

void ck_norm_forward(ck_element type, const ck_norm *p, const void *x, size_t x_stride, void *y,
                     size_t y_stride, float *statistics, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, norm, p, x, x_stride, y, y_stride, statistics, begin, end)
}

void ck_norm_backward(ck_element type, const ck_norm *p, const void *dy, size_t dy_stride,
                      const void *x, size_t x_stride, const float *statistics, void *dx,
                      size_t dx_stride, bool accumulate, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, norm_backward, p, dy, dy_stride, x, x_stride, statistics, dx, dx_stride,
                    accumulate, begin, end)
}

void ck_norm_weight_gradient(ck_element type, const ck_norm *p, const void *dy, size_t dy_stride,
                             const void *x, size_t x_stride, const float *statistics, float *dw,
                             size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, norm_weight_gradient, p, dy, dy_stride, x, x_stride, statistics, dw,
                    begin, end)
}

void ck_column_sums(ck_element type, const void *dy, size_t dy_stride, float *db, size_t columns,
                    size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, column_sums, dy, dy_stride, db, columns, begin, end)
}
