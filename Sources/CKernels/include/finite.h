/// Looking for numbers that are none.
#ifndef CKERNELS_FINITE_H
#define CKERNELS_FINITE_H

#include <stddef.h>
#include <stdint.h>

/// The index of the first of `n` floats that is infinite or NaN: one all of whose bits of `exponent` are
/// set; `n` if there is none. The elements may lie at any address.
size_t ck_first_non_finite_16(const void *x, size_t n, uint16_t exponent);
size_t ck_first_non_finite_32(const void *x, size_t n, uint32_t exponent);
size_t ck_first_non_finite_64(const void *x, size_t n, uint64_t exponent);

#endif
