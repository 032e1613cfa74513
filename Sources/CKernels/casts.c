#include "casts.h"
#include "scalar.h"

void ck_bf16_to_f32(const uint16_t *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = bf16_to_f32(x[i]);
}

void ck_f32_to_bf16(const float *x, uint16_t *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = f32_to_bf16(x[i]);
}

void ck_f16_to_f32(const uint16_t *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = f16_to_f32(x[i]);
}

void ck_f32_to_f16(const float *x, uint16_t *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = f32_to_f16(x[i]);
}

void ck_f64_to_f32(const double *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = (float)x[i];
}
