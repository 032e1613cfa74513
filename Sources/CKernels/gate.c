#include "gate.h"

#include <math.h>

#include "functions.h"
#include "variants.h"

#define FAMILY "gate.inc"
#include "each_variant.h"

void ck_gate(ck_element type, ck_function f, const void *g, size_t g_stride, const void *u,
             size_t u_stride, void *y, size_t y_stride, size_t columns, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, gate, f, g, g_stride, u, u_stride, y, y_stride, columns, begin, end)
}

void ck_gate_backward(ck_element type, ck_function f, const void *dy, size_t dy_stride,
                      const void *g, size_t g_stride, const void *u, size_t u_stride,
                      ck_gradient dg, ck_gradient du, size_t columns, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, gate_backward, f, dy, dy_stride, g, g_stride, u, u_stride, dg, du,
                    columns, begin, end)
}

void ck_row_gate(ck_element type, ck_function f, const void *g, size_t g_stride, const void *u,
                 size_t u_stride, void *y, size_t y_stride, size_t columns, size_t begin,
                 size_t end) {
  CK_DISPATCH_TYPED(type, row_gate, f, g, g_stride, u, u_stride, y, y_stride, columns, begin, end)
}

void ck_row_gate_backward(ck_element type, ck_function f, const void *dy, size_t dy_stride,
                          const void *g, size_t g_stride, const void *u, size_t u_stride,
                          ck_gradient dg, ck_gradient du, size_t columns, size_t begin,
                          size_t end) {
  CK_DISPATCH_TYPED(type, row_gate_backward, f, dy, dy_stride, g, g_stride, u, u_stride, dg, du,
                    columns, begin, end)
}
