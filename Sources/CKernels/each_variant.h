/// Includes the file named by FAMILY once for each element type and instruction set.
///
/// Inside FAMILY, `VARIANT(name)` is the name of a function, ELEMENT the type of a stored element,
/// `LOAD(e)` its value as a float and `STORE(f)` the element nearest to a float. No include guard: a
/// source file includes this once, after defining FAMILY, and dispatches with CK_DISPATCH_TYPED.

#define ELEMENT uint16_t
#define LOAD(e) bf16_to_f32(e)
#define STORE(f) f32_to_bf16(f)
#define TYPED(name) name##_bf16
#include "each_isa.h"
#undef ELEMENT
#undef LOAD
#undef STORE
#undef TYPED

#define ELEMENT float
#define LOAD(e) (e)
#define STORE(f) (f)
#define TYPED(name) name##_f32
#include "each_isa.h"
#undef ELEMENT
#undef LOAD
#undef STORE
#undef TYPED
