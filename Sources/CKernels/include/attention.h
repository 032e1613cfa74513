/// The softmax of attention, a piece of the scores at a time. The products around it are the matrix
/// library's. See norm.h for the legend.
///
/// A piece holds the scores of neighbouring queries, with all heads that share keys and values, and
/// neighbouring keys: row r is head r % heads of query first_query + r / heads. A row may see the columns
/// [low(r), high(r)): no key after its query, with a window w > 0 only the w keys up to the query, and with chunks
/// none before the query's chunk. A
/// piece may have rows that see none of its columns; scores that are not visible do not count, and their
/// weights are 0.
#ifndef CKERNELS_ATTENTION_H
#define CKERNELS_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "elements.h"

typedef struct {
  size_t queries, heads;          ///< Rows are queries * heads.
  size_t columns;                 ///< Keys.
  size_t first_query, first_key;  ///< Positions in the sequence.
  size_t window;                  ///< 0: none.
  size_t chunk;                   ///< Only keys of the query's own chunk of so many positions; 0: all.
  float scale;                    ///< Factor on the scores before the softmax.
  float cap;                      ///< 0: none. See ck_bend_scores.
  const float *slopes;            ///< [heads], or NULL. See ck_bend_scores.
} ck_piece;

/// s[r,j] = c tanh(scale s[r,j] / c) + slope[h] (k_j - q_r) in place, with the cap c, if there is one, and the slope
/// of the row's head, which counts the positions from the query to the key. What follows has to take 1 for the
/// scale.
void ck_bend_scores(const ck_piece *piece, float *s);

/// Makes of the gradient ds of bent scores that of q k^T, in place.
void ck_bend_scores_backward(ck_element type, const ck_piece *piece, const float *s, void *ds);

/// s[r,j] becomes minus infinity where the query has not chosen the key: `chosen` has a row of `words` words for each
/// query of the piece, in which bit k % 32 of word k / 32 belongs to key k of the sequence. Keys without words are
/// not chosen.
void ck_hide_scores(const ck_piece *piece, const uint32_t *chosen, size_t words, float *s);

/// y[j] = sum over rows r of weight[r] max(0, x[r,j]), for x [rows, columns].
void ck_sum_of_ramps(const float *x, const float *weight, size_t rows, size_t columns, float *y);

/// A step of the softmax over the pieces of the same queries (Milakov and Gimelshein, arXiv 1805.02867).
/// With m' = max(m, max_j scale s[r,j]) over the visible j and f = exp(m - m'):
///
///     p[r,j] = exp(scale s[r,j] - m')      sum[r] = f sum[r] + sum_j p[r,j]      y[r,:] = f y[r,:]
///
/// and m' replaces m, so that y + p v is again what the rows have seen, in units of exp(m'). f32 scores
/// in, elements out; m and sum are [rows], minus infinity and 0 at first, and y is [rows, head_size]. A score of minus
/// infinity has the weight 0.
void ck_softmax(ck_element type, const ck_piece *piece, const float *s, void *p, float *m, float *sum,
                float *y, size_t head_size);

/// The end of it: out[r,:] = y[r,:] / sum[r], the heads of a query side by side and queries `stride`
/// elements apart; `m` becomes log_sum[r] = m[r] + log(sum[r]).
void ck_softmax_end(ck_element type, const ck_piece *piece, const float *y, float *m, const float *sum,
                    void *out, size_t stride, size_t head_size);

/// delta[r] = dy[r,:] . y[r,:], which is sum_j p[r,j] dp[r,j] over all keys. Heads lie side by side and
/// queries `stride` elements apart in both.
void ck_softmax_deltas(ck_element type, const ck_piece *piece, const void *dy, const void *y,
                       size_t stride, float *delta, size_t head_size);

/// From scores, log sums and dp = dy v^T: p[r,j] = exp(scale s[r,j] - log_sum[r]) and
/// ds[r,j] = scale p[r,j] (dp[r,j] - delta[r]), both 0 where not visible.
void ck_softmax_backward(ck_element type, const ck_piece *piece, const float *s, const float *dp,
                         const float *log_sum, const float *delta, void *p, void *ds);

#endif
