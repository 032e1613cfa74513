/// The softmax of attention on one tile of scores, forward and backward. The products around it are
/// the matrix library's. See norm.h for the legend.
///
/// A tile holds `rows` neighbouring queries and `columns` neighbouring keys of one head. Row i may see
/// the columns [low(i), high(i)): high(i) = first_query + i - first_key + 1 (no key after the query), and
/// with a window w > 0 low(i) = high(i) - w where that is positive. All of a query's visible keys lie in
/// its tile.
#ifndef CKERNELS_ATTENTION_H
#define CKERNELS_ATTENTION_H

#include <stddef.h>

#include "elements.h"

typedef struct {
  size_t rows, columns;
  size_t first_query, first_key;  ///< Positions in the sequence.
  size_t window;                  ///< 0: none.
  float scale;                    ///< Factor on the scores before the softmax.
} ck_tile;

/// p[i,j] = exp(scale s[i,j] - m[i]) / sum_j(...) over the visible j, 0 elsewhere; f32 scores in,
/// elements out. `log_sum` [rows] keeps m + log(sum) for the backward pass. `s` is overwritten.
void ck_softmax(ck_element type, const ck_tile *tile, float *s, void *p, float *log_sum);

/// From scores, log sums and dp = dO v^T: p as above, and
/// ds[i,j] = scale p[i,j] (dp[i,j] - sum_j p[i,j] dp[i,j]), 0 where not visible.
void ck_softmax_backward(ck_element type, const ck_tile *tile, const float *s, const float *dp,
                         const float *log_sum, void *p, void *ds);

#endif
