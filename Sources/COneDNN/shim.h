/// The C interface of oneDNN.
#ifndef CONEDNN_SHIM_H
#define CONEDNN_SHIM_H

#include <oneapi/dnnl/dnnl.h>

#endif
