/// How one source becomes three kernels.
///
/// `family.inc` holds the loops of a family once, each function named `VARIANT(name)`. `family.c`
/// includes it once for each instruction set and picks one at the call:
///
///     #define FAMILY "family.inc"
///     #include "each_isa.h"
///     void ck_name(float *x, size_t n) { CK_DISPATCH(name, x, n); }
///
/// The compiler vectorizes the same loops for each set, so that they agree but for the order of sums.
#ifndef CKERNELS_VARIANTS_H
#define CKERNELS_VARIANTS_H

#include "elements.h"
#include "isa.h"

#if defined(__x86_64__)
#define CK_HAS_X86 1
#define CK_BEGIN_AVX2 \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,bmi2\"))), apply_to = function)")
#define CK_BEGIN_AVX512                                                                      \
  _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c,bmi2\"),min_vector_width(512))), apply_to = function)")
#define CK_END _Pragma("clang attribute pop")
#define CK_DISPATCH(name, ...)                          \
  switch (ck_isa_current()) {                           \
    case CK_ISA_AVX512: name##_avx512(__VA_ARGS__); return; \
    case CK_ISA_AVX2: name##_avx2(__VA_ARGS__); return;     \
    default: name##_portable(__VA_ARGS__); return;          \
  }
#else
#define CK_HAS_X86 0
#define CK_DISPATCH(name, ...) name##_portable(__VA_ARGS__);
#endif

/// One name of two, macros in them replaced.
#define CK_JOINED(a, b) CK_JOINED_AS_THEY_ARE(a, b)
#define CK_JOINED_AS_THEY_ARE(a, b) a##b

/// Picks by element type as well; for families that each_variant.h includes.
#define CK_DISPATCH_TYPED(type, name, ...)         \
  if ((type) == CK_BF16) {                         \
    CK_DISPATCH(name##_bf16, __VA_ARGS__)          \
  } else {                                         \
    CK_DISPATCH(name##_f32, __VA_ARGS__)           \
  }

#endif
