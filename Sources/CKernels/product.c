#include "product.h"

#include <string.h>

#include "variants.h"

// A tile of the result stays in registers while all its terms are added: 6 rows of 16 columns are 12 of the 16
// vectors that AVX2 has.
enum { tile_rows = 6, tile_columns = 16 };

size_t ck_panel_count(size_t k, size_t n) {
  return (n + tile_columns - 1) / tile_columns * tile_columns * k;
}

#define FAMILY "product.inc"
#include "each_isa.h"

void ck_panels(ck_matrix b, const float *scale, size_t k, size_t n, float *panels) {
  CK_DISPATCH(panels, b, scale, k, n, panels)
}

void ck_product(ck_triangle triangle, size_t m, size_t n, size_t k, ck_matrix a, const float *panels,
                float *c, bool accumulate) {
  CK_DISPATCH(product, triangle, m, n, k, a, panels, c, accumulate)
}
