"""Quantizes a file of llama.cpp by llama.cpp itself.

    python Scripts/quantize-llama.py SOURCE TYPE OUTPUT [IMPORTANCE]

TYPE is one of those that llama-quantize takes, in any case; IMPORTANCE a file of `autoround importance` or llama-imatrix.
Scripts/gguf-quality runs it.
"""
import ctypes
import sys

import llama_cpp
from gguf import GGUFReader


def importances(file):
    """Mean squares by the names of tensors, as llama-quantize takes them."""
    tensors = {tensor.name: tensor.data for tensor in GGUFReader(file).tensors}
    for name, squares in tensors.items():
        if name.endswith(".in_sum2"):
            tensor = name.removesuffix(".in_sum2")
            counts = tensors[tensor + ".counts"].reshape(-1, 1)
            means = squares.reshape(len(counts), -1) / counts.clip(min=1)
            means[counts[:, 0] == 0] = 1
            yield tensor, means.reshape(-1)


def quantize(source, kind, output, importance=None):
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind.upper()}")
    if importance:
        floats = [
            (tensor.encode(), (ctypes.c_float * len(means))(*means))
            for tensor, means in importances(importance)
        ]
        rows = (llama_cpp.llama_model_imatrix_data * (len(floats) + 1))()
        for row, (tensor, means) in zip(rows, floats):
            row.name, row.data, row.size = tensor, means, len(means)
        params.imatrix = rows
    code = llama_cpp.llama_model_quantize(source.encode(), output.encode(), ctypes.byref(params))
    if code:
        sys.exit(f"llama.cpp did not quantize {source} to {kind}: {code}")


quantize(*sys.argv[1:])
