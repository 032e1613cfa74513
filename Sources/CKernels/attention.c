#include "attention.h"

#include <math.h>

#include "exp.h"
#include "variants.h"

#define FAMILY "attention.inc"
#include "each_variant.h"

void ck_softmax(ck_element type, const ck_tile *tile, float *s, void *p, float *log_sum) {
  CK_DISPATCH_TYPED(type, softmax, tile, s, p, log_sum)
}

void ck_softmax_backward(ck_element type, const ck_tile *tile, const float *s, const float *dp,
                         const float *log_sum, void *p, void *ds) {
  CK_DISPATCH_TYPED(type, softmax_backward, tile, s, dp, log_sum, p, ds)
}
