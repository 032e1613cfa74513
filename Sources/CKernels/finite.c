#include "finite.h"

#include "variants.h"

// Files are mapped, and tensors may lie at odd addresses in them.
typedef uint16_t unaligned_16 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned_32 __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned_64 __attribute__((aligned(1), may_alias));

#define FAMILY "finite.inc"
#include "each_isa.h"

#define DOOR(bits)                                                                                   \
  static void first_##bits(const void *x, size_t n, uint##bits##_t exponent, size_t *result) {       \
    CK_DISPATCH(first_non_finite_##bits, x, n, exponent, result)                                     \
  }                                                                                                  \
  size_t ck_first_non_finite_##bits(const void *x, size_t n, uint##bits##_t exponent) {              \
    size_t result = n;                                                                               \
    first_##bits(x, n, exponent, &result);                                                           \
    return result;                                                                                   \
  }

DOOR(16)
DOOR(32)
DOOR(64)
