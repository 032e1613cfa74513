/// Functions of one number, and gates made of them. See norm.h for the legend.
#ifndef CKERNELS_GATE_H
#define CKERNELS_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "elements.h"

/// f(g), with s(g) = 1 / (1 + e^-g).
typedef enum {
  CK_SILU,          ///< g s(g)
  CK_GELU,          ///< g / 2 (1 + erf(g / sqrt 2))
  CK_GELU_TANH,     ///< g / 2 (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3)))
  CK_RELU,          ///< max(g, 0)
  CK_SQUARED_RELU,  ///< max(g, 0)^2
  CK_SIGMOID,       ///< s(g)
  CK_SCALE,         ///< a g
  CK_CAP,           ///< a tanh(g / a)
  CK_CLAMP,         ///< g, between -a and a, plus b
  CK_SWISH,         ///< h s(a h), with h = min(g, b)
} ck_function_kind;

typedef struct {
  ck_function_kind kind;
  float a, b;  ///< The constants of those that have them.
} ck_function;

/// y = f(g) u in each row; y = f(g) if `u` is NULL.
void ck_gate(ck_element type, ck_function f, const void *g, size_t g_stride, const void *u,
             size_t u_stride, void *y, size_t y_stride, size_t columns, size_t begin, size_t end);

/// What a gradient is written or added to.
typedef struct {
  void *to;  ///< NULL: it is not wanted.
  size_t stride;
  bool accumulate;
} ck_gradient;

/// dg (+)= dy u f'(g) and du (+)= dy f(g); without `u` only dg (+)= dy f'(g).
void ck_gate_backward(ck_element type, ck_function f, const void *dy, size_t dy_stride,
                      const void *g, size_t g_stride, const void *u, size_t u_stride,
                      ck_gradient dg, ck_gradient du, size_t columns, size_t begin, size_t end);

/// y = f(g) u where a row of u has one g.
void ck_row_gate(ck_element type, ck_function f, const void *g, size_t g_stride, const void *u,
                 size_t u_stride, void *y, size_t y_stride, size_t columns, size_t begin,
                 size_t end);

/// dg (+)= f'(g) sum of dy u, with the sum in f32, and du (+)= dy f(g).
void ck_row_gate_backward(ck_element type, ck_function f, const void *dy, size_t dy_stride,
                          const void *g, size_t g_stride, const void *u, size_t u_stride,
                          ck_gradient dg, ck_gradient du, size_t columns, size_t begin,
                          size_t end);

#endif
