#include "statistics.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "scalar.h"

void ck_add_column_squares(ck_element type, const void *x, size_t x_stride, size_t rows,
                           float *sums, size_t begin, size_t end) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = begin; i < end; i++) {
      float value = load(x, type, row * x_stride + i);
      sums[i] += value * value;
    }
  }
}

void ck_magnitudes(ck_element type, const void *y, const void *target, float *magnitudes,
                   size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++)
    magnitudes[i] = fabsf(load(y, type, i) - load(target, type, i));
}

float ck_largest_of_rank(float *numbers, size_t n, size_t k) {
  // Quickselect: numbers before `low` are larger than those in between, numbers after `high` smaller.
  size_t low = 0, high = n - 1, wanted = k - 1;
  while (low < high) {
    float pivot = numbers[low + (high - low) / 2];
    size_t i = low, j = high;
    for (;;) {
      while (numbers[i] > pivot) i++;
      while (numbers[j] < pivot) j--;
      if (i >= j) break;
      float other = numbers[i];
      numbers[i++] = numbers[j];
      numbers[j--] = other;
    }
    if (wanted <= j)
      high = j;
    else
      low = j + 1;
  }
  return numbers[wanted];
}

void ck_replace_outliers(ck_element type, void *y, const void *target, float threshold,
                         size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    float difference = fabsf(load(y, type, i) - load(target, type, i));
    if (!(difference >= threshold && difference <= FLT_MAX)) continue;
    if (type == CK_BF16)
      ((uint16_t *)y)[i] = ((const uint16_t *)target)[i];
    else
      ((float *)y)[i] = ((const float *)target)[i];
  }
}
