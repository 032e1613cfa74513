/// The part of oneDNN that this package uses, in a form that versions 2.6 and 3 share.
///
/// Version 3 made descriptors opaque and dropped operation descriptors; these inline functions hide the
/// difference and keep descriptors out of Swift. They can go when 2.6 (Debian 12) need not be supported.
#ifndef CONEDNN_SHIM_H
#define CONEDNN_SHIM_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A matrix in memory: `strides[0]` elements from row to row, `strides[1]` from column to column.
typedef struct {
  int64_t rows, columns;
  int64_t strides[2];
  dnnl_data_type_t type;
} onednn_matrix;

/// A memory object over no memory yet; give it some with dnnl_memory_set_data_handle.
static inline dnnl_status_t onednn_memory_create(dnnl_memory_t *memory, dnnl_engine_t engine,
                                                 const onednn_matrix *m) {
  dnnl_dims_t dims = {m->rows, m->columns}, strides = {m->strides[0], m->strides[1]};
  dnnl_memory_desc_t desc;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_memory_desc_create_with_strides(&desc, 2, dims, m->type, strides);
  if (status != dnnl_success) return status;
  status = dnnl_memory_create(memory, desc, engine, DNNL_MEMORY_NONE);
  dnnl_memory_desc_destroy(desc);
#else
  dnnl_status_t status = dnnl_memory_desc_init_by_strides(&desc, 2, dims, m->type, strides);
  if (status != dnnl_success) return status;
  status = dnnl_memory_create(memory, &desc, engine, DNNL_MEMORY_NONE);
#endif
  return status;
}

/// The primitive c = a b (+ c if `accumulate`) (+ bias, f32 [1, columns of c], if `bias`).
/// `scratch` gets the bytes that every execution needs as DNNL_ARG_SCRATCHPAD.
static inline dnnl_status_t onednn_matmul_create(dnnl_primitive_t *primitive, int64_t *scratch,
                                                 dnnl_engine_t engine, const onednn_matrix *a,
                                                 const onednn_matrix *b, const onednn_matrix *c,
                                                 bool bias, bool accumulate) {
  const onednn_matrix *m[3] = {a, b, c};
  dnnl_memory_desc_t desc[4];
  dnnl_status_t status = dnnl_success;
  dnnl_dims_t bias_dims = {1, c->columns}, bias_strides = {c->columns, 1};
  for (int i = 0; i < 3 && status == dnnl_success; i++) {
    dnnl_dims_t dims = {m[i]->rows, m[i]->columns};
    dnnl_dims_t strides = {m[i]->strides[0], m[i]->strides[1]};
#if DNNL_VERSION_MAJOR >= 3
    status = dnnl_memory_desc_create_with_strides(&desc[i], 2, dims, m[i]->type, strides);
#else
    status = dnnl_memory_desc_init_by_strides(&desc[i], 2, dims, m[i]->type, strides);
#endif
  }
  if (status != dnnl_success) return status;

  dnnl_primitive_attr_t attributes;
  dnnl_post_ops_t post_operations;
  dnnl_primitive_attr_create(&attributes);
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  dnnl_post_ops_create(&post_operations);
  if (accumulate) {
#if DNNL_VERSION_MAJOR >= 3
    dnnl_post_ops_append_sum(post_operations, 1.0f, 0, dnnl_data_type_undef);
#else
    dnnl_post_ops_append_sum(post_operations, 1.0f);
#endif
    dnnl_primitive_attr_set_post_ops(attributes, post_operations);
  }

  dnnl_primitive_desc_t primitive_desc = NULL;
#if DNNL_VERSION_MAJOR >= 3
  if (bias)
    status = dnnl_memory_desc_create_with_strides(&desc[3], 2, bias_dims, dnnl_f32, bias_strides);
  if (status == dnnl_success)
    status = dnnl_matmul_primitive_desc_create(&primitive_desc, engine, desc[0], desc[1],
                                               bias ? desc[3] : NULL, desc[2], attributes);
  if (status == dnnl_success) {
    const_dnnl_memory_desc_t scratch_desc =
        dnnl_primitive_desc_query_md(primitive_desc, dnnl_query_scratchpad_md, 0);
    *scratch = scratch_desc ? (int64_t)dnnl_memory_desc_get_size(scratch_desc) : 0;
  }
  for (int i = 0; i < (bias ? 4 : 3); i++) dnnl_memory_desc_destroy(desc[i]);
#else
  dnnl_matmul_desc_t operation;
  if (bias) status = dnnl_memory_desc_init_by_strides(&desc[3], 2, bias_dims, dnnl_f32, bias_strides);
  if (status == dnnl_success)
    status = dnnl_matmul_desc_init(&operation, &desc[0], &desc[1], bias ? &desc[3] : NULL, &desc[2]);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(&primitive_desc, &operation, attributes, engine, NULL);
  if (status == dnnl_success) {
    const dnnl_memory_desc_t *scratch_desc =
        dnnl_primitive_desc_query_md(primitive_desc, dnnl_query_scratchpad_md, 0);
    *scratch = scratch_desc ? (int64_t)dnnl_memory_desc_get_size(scratch_desc) : 0;
  }
#endif
  dnnl_post_ops_destroy(post_operations);
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  status = dnnl_primitive_create(primitive, primitive_desc);
  dnnl_primitive_desc_destroy(primitive_desc);
  return status;
}

/// A memory object of `bytes` bytes for a scratchpad.
static inline dnnl_status_t onednn_scratch_create(dnnl_memory_t *memory, dnnl_engine_t engine,
                                                  int64_t bytes) {
  onednn_matrix m = {1, bytes, {bytes, 1}, dnnl_u8};
  return onednn_memory_create(memory, engine, &m);
}

#endif
