#include "rotary.h"

#include <math.h>
#include <stdint.h>

#include "scalar.h"
#include "variants.h"

// Whoever records a program checks head sizes against this before any kernel runs.
#define MAXIMUM_HEAD_SIZE 1024

#define FAMILY "rotary.inc"
#include "each_variant.h"

void ck_rotary_forward(ck_element type, const ck_rotary *p, const void *x, size_t x_stride, void *y,
                       size_t y_stride, float *inverse, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, rotary_forward, p, x, x_stride, y, y_stride, inverse, begin, end)
}

void ck_rotary_backward(ck_element type, const ck_rotary *p, const void *dy, size_t dy_stride,
                        const void *x, size_t x_stride, const float *inverse, void *dx,
                        size_t dx_stride, bool accumulate, float *dweight, size_t begin,
                        size_t end) {
  CK_DISPATCH_TYPED(type, rotary_backward, p, dy, dy_stride, x, x_stride, inverse, dx, dx_stride,
                    accumulate, dweight, begin, end)
}
