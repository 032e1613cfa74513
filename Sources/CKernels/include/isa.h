/// Which instructions the kernels use: the best that the processor has, unless told otherwise.
#ifndef CKERNELS_ISA_H
#define CKERNELS_ISA_H

typedef enum {
  CK_ISA_PORTABLE = 0,  ///< Plain C.
  CK_ISA_AVX2 = 1,      ///< x86: AVX2, FMA, F16C.
  CK_ISA_AVX512 = 2,    ///< x86: AVX-512 F, BW, DQ, VL and BF16.
} ck_isa;

/// The best set of this processor.
ck_isa ck_isa_available(void);

/// The set in use: the best one, or what the environment variable AUTOROUND_ISA (portable, avx2,
/// avx512) asks for if that is less.
ck_isa ck_isa_current(void);

/// The compiler that made the kernels, with its version.
const char *ck_compiler(void);

/// Uses `isa` from now on, or the best available one if that is less. For tests; not to be called while
/// kernels run.
void ck_isa_use(ck_isa isa);

#endif
