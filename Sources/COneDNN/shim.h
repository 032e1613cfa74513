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

/// Describes a matrix; the caller destroys what is described, also after a failure.
static inline dnnl_status_t onednn_describe(dnnl_memory_desc_t *desc, const onednn_matrix *m) {
  dnnl_dims_t dims = {m->rows, m->columns}, strides = {m->strides[0], m->strides[1]};
#if DNNL_VERSION_MAJOR >= 3
  *desc = NULL;
  return dnnl_memory_desc_create_with_strides(desc, 2, dims, m->type, strides);
#else
  return dnnl_memory_desc_init_by_strides(desc, 2, dims, m->type, strides);
#endif
}

static inline void onednn_desc_destroy(dnnl_memory_desc_t *desc) {
#if DNNL_VERSION_MAJOR >= 3
  if (*desc) dnnl_memory_desc_destroy(*desc);
#else
  (void)desc;
#endif
}

/// A memory object over no memory yet; give it some with dnnl_memory_set_data_handle.
static inline dnnl_status_t onednn_memory_create(dnnl_memory_t *memory, dnnl_engine_t engine,
                                                 const onednn_matrix *m) {
  dnnl_memory_desc_t desc;
  dnnl_status_t status = onednn_describe(&desc, m);
#if DNNL_VERSION_MAJOR >= 3
  if (status == dnnl_success) status = dnnl_memory_create(memory, desc, engine, DNNL_MEMORY_NONE);
#else
  if (status == dnnl_success) status = dnnl_memory_create(memory, &desc, engine, DNNL_MEMORY_NONE);
#endif
  onednn_desc_destroy(&desc);
  return status;
}

/// Attributes of a product with scratch memory from the caller, added to what is there if `accumulate`.
static inline dnnl_status_t onednn_attributes_create(dnnl_primitive_attr_t *attributes,
                                                     bool accumulate) {
  dnnl_post_ops_t post_operations = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && accumulate) {
    status = dnnl_post_ops_create(&post_operations);
#if DNNL_VERSION_MAJOR >= 3
    if (status == dnnl_success)
      status = dnnl_post_ops_append_sum(post_operations, 1.0f, 0, dnnl_data_type_undef);
#else
    if (status == dnnl_success) status = dnnl_post_ops_append_sum(post_operations, 1.0f);
#endif
    if (status == dnnl_success)
      status = dnnl_primitive_attr_set_post_ops(*attributes, post_operations);
    if (post_operations) dnnl_post_ops_destroy(post_operations);
  }
  if (status != dnnl_success) dnnl_primitive_attr_destroy(*attributes);
  return status;
}

/// The descriptor of c = a b (+ bias if it is not NULL), with the bytes of scratch memory that it needs.
static inline dnnl_status_t onednn_matmul_describe(dnnl_primitive_desc_t *result, int64_t *scratch,
                                                   dnnl_engine_t engine, dnnl_memory_desc_t *a,
                                                   dnnl_memory_desc_t *b, dnnl_memory_desc_t *c,
                                                   dnnl_memory_desc_t *bias,
                                                   dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_matmul_primitive_desc_create(result, engine, *a, *b,
                                                           bias ? *bias : NULL, *c, attributes);
  if (status != dnnl_success) return status;
  const_dnnl_memory_desc_t desc =
      dnnl_primitive_desc_query_md(*result, dnnl_query_scratchpad_md, 0);
#else
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, bias, c);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
  if (status != dnnl_success) return status;
  const dnnl_memory_desc_t *desc =
      dnnl_primitive_desc_query_md(*result, dnnl_query_scratchpad_md, 0);
#endif
  *scratch = desc ? (int64_t)dnnl_memory_desc_get_size(desc) : 0;
  return dnnl_success;
}

/// The primitive c = a b (+ c if `accumulate`) (+ bias, f32 [1, columns of c], if `bias`).
/// `scratch` gets the bytes that every execution needs as DNNL_ARG_SCRATCHPAD.
static inline dnnl_status_t onednn_matmul_create(dnnl_primitive_t *primitive, int64_t *scratch,
                                                 dnnl_engine_t engine, const onednn_matrix *a,
                                                 const onednn_matrix *b, const onednn_matrix *c,
                                                 bool bias, bool accumulate) {
  const onednn_matrix bias_matrix = {1, c->columns, {c->columns, 1}, dnnl_f32};
  const onednn_matrix *matrices[4] = {a, b, c, &bias_matrix};
  dnnl_memory_desc_t desc[4];
  int described = 0;
  dnnl_status_t status = dnnl_success;
  while (described < 4 && status == dnnl_success) {
    status = onednn_describe(&desc[described], matrices[described]);
    described++;
  }
  if (status == dnnl_success) {
    dnnl_primitive_attr_t attributes;
    status = onednn_attributes_create(&attributes, accumulate);
    if (status == dnnl_success) {
      dnnl_primitive_desc_t primitive_desc = NULL;
      status = onednn_matmul_describe(&primitive_desc, scratch, engine, &desc[0], &desc[1],
                                      &desc[2], bias ? &desc[3] : NULL, attributes);
      dnnl_primitive_attr_destroy(attributes);
      if (status == dnnl_success) {
        status = dnnl_primitive_create(primitive, primitive_desc);
        dnnl_primitive_desc_destroy(primitive_desc);
      }
    }
  }
  for (int i = 0; i < described; i++) onednn_desc_destroy(&desc[i]);
  return status;
}

/// A memory object of `bytes` bytes for a scratchpad.
static inline dnnl_status_t onednn_scratch_create(dnnl_memory_t *memory, dnnl_engine_t engine,
                                                  int64_t bytes) {
  onednn_matrix m = {1, bytes, {bytes, 1}, dnnl_u8};
  return onednn_memory_create(memory, engine, &m);
}

#endif
