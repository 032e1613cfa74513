#include "isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// Atomic, because the first call may come from several threads at once; each finds the same.
static atomic_int current = -1;

ck_isa ck_isa_available(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // All that variants.h lets the compiler use.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c") || !__builtin_cpu_supports("bmi2"))
    return CK_ISA_PORTABLE;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512bf16")
             ? CK_ISA_AVX512
             : CK_ISA_AVX2;
#else
  return CK_ISA_PORTABLE;
#endif
}

// What the environment asks for: nothing, or less than the processor has, to try other kernels.
static ck_isa asked_for(void) {
  const char *name = getenv("AUTOROUND_ISA");
  if (name && strcmp(name, "portable") == 0) return CK_ISA_PORTABLE;
  if (name && strcmp(name, "avx2") == 0) return CK_ISA_AVX2;
  return CK_ISA_AVX512;
}

ck_isa ck_isa_current(void) {
  if (atomic_load_explicit(&current, memory_order_relaxed) < 0) ck_isa_use(asked_for());
  return (ck_isa)atomic_load_explicit(&current, memory_order_relaxed);
}

const char *ck_compiler(void) { return __VERSION__; }

void ck_isa_use(ck_isa isa) {
  ck_isa best = ck_isa_available();
  atomic_store_explicit(&current, isa < best ? isa : best, memory_order_relaxed);
}
