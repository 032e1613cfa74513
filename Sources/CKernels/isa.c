#include "isa.h"

#include <stdlib.h>
#include <string.h>

static int current = -1;

ck_isa ck_isa_available(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16"))
    return CK_ISA_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_ISA_AVX2;
#endif
  return CK_ISA_PORTABLE;
}

// What the environment asks for: nothing, or less than the processor has, to try other kernels.
static ck_isa asked_for(void) {
  const char *name = getenv("AUTOROUND_ISA");
  if (name && strcmp(name, "portable") == 0) return CK_ISA_PORTABLE;
  if (name && strcmp(name, "avx2") == 0) return CK_ISA_AVX2;
  return CK_ISA_AVX512;
}

ck_isa ck_isa_current(void) {
  if (current < 0) ck_isa_use(asked_for());
  return (ck_isa)current;
}

const char *ck_compiler(void) { return __VERSION__; }

void ck_isa_use(ck_isa isa) {
  ck_isa best = ck_isa_available();
  current = isa < best ? isa : best;
}
