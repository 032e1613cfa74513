/// What the fake-quantization kernels share: groups, rounding, clamping, loading and scale types. Include it
/// below `#pragma STDC FP_CONTRACT OFF`, without which instruction sets with fused multiply-add
/// would give other results. Private to this target.
#ifndef CKERNELS_ROUNDING_H
#define CKERNELS_ROUNDING_H

#include <math.h>
#include <stddef.h>

#include "elements.h"
#include "fake_quant.h"
#include "scalar.h"

/// Rounds half to even, |x| <= 2^22. Vectorizes on every instruction set.
INLINE float round_even(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

INLINE float clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

INLINE float sign_of(float x) { return x > 0 ? 1.0f : (x < 0 ? -1.0f : 0.0f); }

/// The place of an offset, of either type.
typedef struct {
  float *exact;
  int16_t *counted;
} offset_place;

INLINE offset_place place_of_offset(const ck_offsets *offsets, size_t row, size_t column) {
  size_t i = row * offsets->stride + column;
  return (offset_place){(float *)offsets->numbers + i, (int16_t *)offsets->numbers + i};
}

/// An offset as a number; `type` is a constant at each call.
INLINE float offset_at(ck_offset_type type, const float *exact, const int16_t *counted, float unit,
                       size_t i) {
  return type == CK_OFFSETS_I16 ? unit * (float)counted[i] : exact[i];
}

/// A rate in whole units of counted offsets.
INLINE int32_t steps_of(const ck_offsets *offsets, float rate) {
  if (offsets->type != CK_OFFSETS_I16) return 0;
  return (int32_t)rintf(clamp(rate / offsets->unit, -65534, 65534));
}

/// A counted offset after so many steps against the sign of its gradient. It stays where its 16 bits end.
INLINE int16_t moved_offset(int16_t v, int32_t steps, float gradient) {
  int32_t moved = v - (gradient > 0 ? steps : (gradient < 0 ? -steps : 0));
  moved = moved < -32767 ? -32767 : moved;
  return (int16_t)(moved > 32767 ? 32767 : moved);
}

/// Runs a statement in which `name` is the type of the layer's offsets as a constant.
#define WITH_OFFSETS(name, layer, ...)             \
  if ((layer)->offsets.type == CK_OFFSETS_I16) {   \
    const ck_offset_type name = CK_OFFSETS_I16;    \
    __VA_ARGS__;                                   \
  } else {                                         \
    const ck_offset_type name = CK_OFFSETS_F32;    \
    __VA_ARGS__;                                   \
  }

/// Runs a statement in which `name` is the element type `type` as a constant.
#define WITH_TYPE(name, type, ...)     \
  if ((type) == CK_BF16) {             \
    const ck_element name = CK_BF16;   \
    __VA_ARGS__;                       \
  } else {                             \
    const ck_element name = CK_F32;    \
    __VA_ARGS__;                       \
  }

/// The bits of the largest magnitude of some elements; as integers, whose maxima are vectorized, and where a
/// NaN is larger than all numbers.
INLINE uint32_t largest_magnitude(const void *x, ck_element type, size_t first, size_t n) {
  uint32_t largest = 0;
#pragma clang loop vectorize(enable)
  for (size_t i = 0; i < n; i++) {
    uint32_t magnitude = bits_of_float(load(x, type, first + i)) & 0x7FFFFFFF;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

/// The bits of the largest magnitudes below and above zero; as integers, because maxima of floats are not
/// vectorized for the sake of NaN; here one wins.
typedef struct {
  uint32_t below, above;
} extremes;

INLINE extremes extremes_of(const void *x, ck_element type, size_t first, size_t n) {
  uint32_t below = 0, above = 0;
#pragma clang loop vectorize(enable)
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = bits_of_float(load(x, type, first + i)), magnitude = bits & 0x7FFFFFFF;
    uint32_t negative = bits >> 31 ? magnitude : 0, positive = bits >> 31 ? 0 : magnitude;
    below = negative > below ? negative : below;
    above = positive > above ? positive : above;
  }
  return (extremes){below, above};
}

/// Columns of a group of a row; the last may have fewer than the others.
INLINE size_t group_width(size_t columns, size_t group_size, size_t group) {
  size_t rest = columns - group * group_size;
  return rest < group_size ? rest : group_size;
}
/// The same of either kind of layer.
#define GROUP_WIDTH(layer, group) group_width((layer)->columns, (layer)->group_size, group)

/// The columns of a group of either kind of layer that lie within a range of them.
typedef struct {
  size_t begin, count;
} group_part;

INLINE group_part part_of_group(size_t columns, size_t group_size, size_t group, size_t begin,
                                size_t end) {
  size_t first = group * group_size, last = first + group_width(columns, group_size, group);
  first = first > begin ? first : begin;
  last = last < end ? last : end;
  return (group_part){first, last - first};
}

INLINE float round_f16(float x) { return f16_to_f32(f32_to_f16(x)); }

INLINE float round_to_type(float x, ck_scale_type type) {
  switch (type) {
    case CK_SCALE_F16: return round_f16(x);
    case CK_SCALE_BF16: return bf16_to_f32(f32_to_bf16(x));
    default: return x;
  }
}

INLINE float least_scale(ck_scale_type type) {
  return type == CK_SCALE_F32 ? 1e-8f : round_to_type(1e-5f, type);
}

#endif
