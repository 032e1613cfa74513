/// Element types of the kernels that work on activations.
#ifndef CKERNELS_ELEMENTS_H
#define CKERNELS_ELEMENTS_H

typedef enum { CK_F32 = 0, CK_BF16 = 1 } ck_element;

#endif
