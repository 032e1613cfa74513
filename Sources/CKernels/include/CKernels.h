/// Inner loops over plain memory: pointers and sizes in, results out. Nothing here allocates on a
/// hot path, opens files or knows what a model is. Each header states the contract of its kernels.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "team.h"
#include "casts.h"
#include "isa.h"

#endif
