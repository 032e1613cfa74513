/// Conversions between stored float types and f32. `n` elements; source and target do not overlap.
/// Narrowing rounds half to even; NaN stays NaN; a value beyond f16's range becomes an infinity.
#ifndef CKERNELS_CASTS_H
#define CKERNELS_CASTS_H

#include <stddef.h>
#include <stdint.h>

void ck_bf16_to_f32(const uint16_t *x, float *y, size_t n);
void ck_f32_to_bf16(const float *x, uint16_t *y, size_t n);
void ck_f16_to_f32(const uint16_t *x, float *y, size_t n);
void ck_f32_to_f16(const float *x, uint16_t *y, size_t n);
void ck_f64_to_f32(const double *x, float *y, size_t n);

#endif
