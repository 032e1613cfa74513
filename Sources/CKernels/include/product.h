/// Products of small f32 matrices by one thread: those of the chunks of a scan, which the matrix library's way of
/// preparing costs more than it saves, and of which half is known to be zero where tokens look back only.
#ifndef CKERNELS_PRODUCT_H
#define CKERNELS_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/// What of a product c = a b need not be computed.
typedef enum {
  CK_WHOLE,         ///< Nothing.
  CK_LOWER_RESULT,  ///< Elements of c right of the diagonal, which then may be anything.
  CK_LOWER_LEFT,    ///< Terms with elements of a right of its diagonal, which are 0.
  CK_UPPER_LEFT,    ///< Terms with elements of a left of its diagonal, which are 0.
} ck_triangle;

/// A matrix in memory: element (i, j) at `elements[i * row + j * column]`.
typedef struct {
  const float *elements;
  size_t row, column;
} ck_matrix;

/// Floats of the panels of a matrix [k, n].
size_t ck_panel_count(size_t k, size_t n);

/// Puts b [k, n] in the order in which ck_product reads it; row l of it times `scale[l]`, if that is not NULL and the
/// elements of its rows are neighbours.
void ck_panels(ck_matrix b, const float *scale, size_t k, size_t n, float *panels);

/// c [m, n] (+)= a [m, k] b [k, n], with `panels` what ck_panels made of b; rows of c have no gaps.
void ck_product(ck_triangle triangle, size_t m, size_t n, size_t k, ck_matrix a, const float *panels,
                float *c, bool accumulate);

#endif
