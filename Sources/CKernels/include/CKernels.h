/// Inner loops over plain memory: pointers and sizes in, results out. Nothing here allocates on a
/// hot path, opens files or knows what a model is. Each header states the contract of its kernels.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "activation_quant.h"
#include "attention.h"
#include "block_quant.h"
#include "casts.h"
#include "convolution.h"
#include "elements.h"
#include "elementwise.h"
#include "experts.h"
#include "fake_quant.h"
#include "finite.h"
#include "float_quant.h"
#include "gate.h"
#include "int8_gradient.h"
#include "isa.h"
#include "norm.h"
#include "packing.h"
#include "probability.h"
#include "product.h"
#include "rotary.h"
#include "scan.h"
#include "sha256.h"
#include "statistics.h"
#include "team.h"

#endif
