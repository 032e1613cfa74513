#include "convolution.h"

#include <string.h>

#include "functions.h"
#include "variants.h"

// Columns that are done together, so that their weights and the tokens that look back on each other stay in a
// core's first-level cache.
enum { strip = 64 };

#define FAMILY "convolution.inc"
#include "each_variant.h"

void ck_convolution_forward(ck_element type, const ck_convolution *p, const void *x, size_t x_stride,
                            const void *history, void *y, size_t y_stride, size_t begin,
                            size_t end) {
  CK_DISPATCH_TYPED(type, convolution, p, x, x_stride, history, y, y_stride, begin, end)
}

void ck_convolution_backward(ck_element type, const ck_convolution *p, const void *dy,
                             size_t dy_stride, const void *x, size_t x_stride, ck_gradient dx,
                             size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, convolution_backward, p, dy, dy_stride, x, x_stride, dx, begin, end)
}

void ck_convolution_weight_gradient(ck_element type, const ck_convolution *p, const void *dy,
                                    size_t dy_stride, const void *x, size_t x_stride, float *dw,
                                    float *db, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, convolution_weight_gradient, p, dy, dy_stride, x, x_stride, dw, db, begin,
                    end)
}
