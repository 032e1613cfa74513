#include "attention.h"

#include <math.h>

#include "functions.h"
#include "variants.h"

// What a row of a piece may see. In 32 bits, so that a vector has an index for each of its floats.
typedef struct {
  uint32_t low, count;
} visible_columns;

static inline int is_visible(visible_columns visible, size_t column) {
  return (uint32_t)column - visible.low < visible.count;
}

static visible_columns columns_of_row(const ck_piece *t, size_t row) {
  // Keys up to the query's own, counted from the first of the piece.
  const size_t query = t->first_query + row / t->heads;
  const size_t seen = query + 1 > t->first_key ? query + 1 - t->first_key : 0;
  const size_t high = seen < t->columns ? seen : t->columns;
  size_t first = t->window && query + 1 > t->window ? query + 1 - t->window : 0;
  if (t->chunk && query / t->chunk * t->chunk > first) first = query / t->chunk * t->chunk;
  const size_t unseen = first > t->first_key ? first - t->first_key : 0;
  const size_t low = unseen < high ? unseen : high;
  return (visible_columns){(uint32_t)low, (uint32_t)(high - low)};
}

void ck_hide_scores(const ck_piece *t, const uint32_t *chosen, size_t words, float *s_) {
  for (size_t r = 0; r < t->queries * t->heads; r++) {
    const uint32_t *row = chosen + r / t->heads * words;
    float *s = s_ + r * t->columns;
    for (size_t j = 0; j < t->columns; j++) {
      const size_t key = t->first_key + j;
      const int isChosen = key / 32 < words && (row[key / 32] >> key % 32 & 1);
      s[j] = isChosen ? s[j] : -INFINITY;
    }
  }
}

void ck_sum_of_ramps(const float *x, const float *weight, size_t rows, size_t columns, float *y) {
  for (size_t j = 0; j < columns; j++) y[j] = 0;
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < columns; j++) {
      const float v = x[r * columns + j];
      // Not a number stays that.
      y[j] += weight[r] * (v < 0 ? 0 : v);
    }
}

#define FAMILY "attention.inc"
#include "each_variant.h"

void ck_bend_scores(const ck_piece *piece, float *s) {
  CK_DISPATCH(bend_scores_f32, piece, s)
}

void ck_bend_scores_backward(ck_element type, const ck_piece *piece, const float *s, void *ds) {
  CK_DISPATCH_TYPED(type, bend_scores_backward, piece, s, ds)
}

void ck_softmax(ck_element type, const ck_piece *piece, const float *s, void *p, float *m, float *sum,
                float *y, size_t head_size) {
  CK_DISPATCH_TYPED(type, softmax, piece, s, p, m, sum, y, head_size)
}

void ck_softmax_end(ck_element type, const ck_piece *piece, const float *y, float *m, const float *sum,
                    void *out, size_t stride, size_t head_size) {
  CK_DISPATCH_TYPED(type, softmax_end, piece, y, m, sum, out, stride, head_size)
}

void ck_softmax_deltas(ck_element type, const ck_piece *piece, const void *dy, const void *y,
                       size_t stride, float *delta, size_t head_size) {
  CK_DISPATCH_TYPED(type, softmax_deltas, piece, dy, y, stride, delta, head_size)
}

void ck_softmax_backward(ck_element type, const ck_piece *piece, const float *s, const float *dp,
                         const float *log_sum, const float *delta, void *p, void *ds) {
  CK_DISPATCH_TYPED(type, softmax_backward, piece, s, dp, log_sum, delta, p, ds)
}
