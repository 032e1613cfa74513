#include "norm.h"

#include <math.h>

#include "scalar.h"
#include "variants.h"

#define FAMILY "norm.inc"
#include "each_variant.h"

void ck_rms_norm(ck_element type, const void *x, const float *w, void *y, float *inverse,
                 size_t columns, float epsilon, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, rms_norm, x, w, y, inverse, columns, epsilon, begin, end)
}

void ck_rms_norm_backward(ck_element type, const void *dy, const void *x, const float *w,
                          const float *inverse, void *dx, size_t columns, bool accumulate,
                          size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, rms_norm_backward, dy, x, w, inverse, dx, columns, accumulate, begin,
                    end)
}

void ck_rms_norm_weight_gradient(ck_element type, const void *dy, const void *x,
                                 const float *inverse, float *dw, size_t columns, size_t begin,
                                 size_t end) {
  CK_DISPATCH_TYPED(type, rms_norm_weight_gradient, dy, x, inverse, dw, columns, begin, end)
}

void ck_column_sums(ck_element type, const void *dy, float *db, size_t columns, size_t begin,
                    size_t end) {
  CK_DISPATCH_TYPED(type, column_sums, dy, db, columns, begin, end)
}
