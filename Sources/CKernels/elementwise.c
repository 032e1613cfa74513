#include "elementwise.h"

#include "scalar.h"
#include "variants.h"

#define FAMILY "elementwise.inc"
#include "each_variant.h"

void ck_add(ck_element type, const void *x, const void *y, void *z, size_t begin, size_t end) {
  CK_DISPATCH_TYPED(type, add, x, y, z, begin, end)
}

static void squared_error(ck_element type, const void *y, const void *target, void *g, float factor,
                          size_t begin, size_t end, double *result) {
  CK_DISPATCH_TYPED(type, squared_error, y, target, g, factor, begin, end, result)
}

double ck_squared_error(ck_element type, const void *y, const void *target, void *g, float factor,
                        size_t begin, size_t end) {
  double result = 0;
  squared_error(type, y, target, g, factor, begin, end, &result);
  return result;
}
