/// Includes the file named by FAMILY once for each instruction set.
///
/// Inside FAMILY, `VARIANT(name)` is the name of a function. No include guard: a source file includes this
/// for each family, after defining FAMILY, and dispatches with CK_DISPATCH. Where TYPED is defined, names are
/// `TYPED(name)`.

#ifdef TYPED
#define NAMED(name, set) CK_JOINED(TYPED(name), set)
#else
#define NAMED(name, set) name##set
#endif
#define VARIANT(name) NAMED(name, _portable)
#include FAMILY
#undef VARIANT
#if CK_HAS_X86
CK_BEGIN_AVX2
#define VARIANT(name) NAMED(name, _avx2)
#include FAMILY
#undef VARIANT
CK_END
CK_BEGIN_AVX512
#define VARIANT(name) NAMED(name, _avx512)
#include FAMILY
#undef VARIANT
CK_END
#endif
#undef NAMED
