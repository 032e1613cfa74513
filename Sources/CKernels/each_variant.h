/// Includes the file named by FAMILY once for each element type and instruction set.
///
/// Inside FAMILY, `VARIANT(name)` is the name of a function, ELEMENT the type of a stored element,
/// `LOAD(e)` its value as a float and `STORE(f)` the element nearest to a float. No include guard: a
/// source file includes this once, after defining FAMILY, and dispatches with CK_DISPATCH_TYPED.

#define ELEMENT uint16_t
#define LOAD(e) bf16_to_f32(e)
#define STORE(f) f32_to_bf16(f)
#define VARIANT(name) name##_bf16_portable
#include FAMILY
#undef VARIANT
#if CK_HAS_X86
CK_BEGIN_AVX2
#define VARIANT(name) name##_bf16_avx2
#include FAMILY
#undef VARIANT
CK_END
CK_BEGIN_AVX512
#define VARIANT(name) name##_bf16_avx512
#include FAMILY
#undef VARIANT
CK_END
#endif
#undef ELEMENT
#undef LOAD
#undef STORE

#define ELEMENT float
#define LOAD(e) (e)
#define STORE(f) (f)
#define VARIANT(name) name##_f32_portable
#include FAMILY
#undef VARIANT
#if CK_HAS_X86
CK_BEGIN_AVX2
#define VARIANT(name) name##_f32_avx2
#include FAMILY
#undef VARIANT
CK_END
CK_BEGIN_AVX512
#define VARIANT(name) name##_f32_avx512
#include FAMILY
#undef VARIANT
CK_END
#endif
#undef ELEMENT
#undef LOAD
#undef STORE
