"""Compares logits of llama.cpp with those that a model's reference has, for files in GGUF.

    python Scripts/logits-llama.py EXPECTED.safetensors FILE.gguf [EXPECTED.safetensors FILE.gguf...]

The first file of a pair has `input_ids` and `logits`, of one or more sequences. Prints the largest difference, and the largest
difference of reference logits from their mean, or why llama.cpp does not load the file. Keys and values are kept in f32.
Tokenizers are not read, so that those of tiny models need not be real ones.
"""
import ctypes
import json
import struct
import sys

import llama_cpp
import numpy as np


def tensors(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    types = {"F32": np.float32, "I64": np.int64}
    found = {}
    for name in ("input_ids", "logits"):
        entry = header[name]
        first, end = entry["data_offsets"]
        found[name] = np.frombuffer(data[first:end], types[entry["dtype"]]).reshape(entry["shape"])
    return found["input_ids"], found["logits"]


messages = []


@llama_cpp.llama_log_callback
def log(level, text, _):
    if level in (3, 4):
        messages.append(text.decode(errors="replace").strip())


def architecture(path):
    """The value of the key `general.architecture`, which is a string."""
    with open(path, "rb") as file:
        front = file.read(1 << 20)
    key = b"general.architecture"
    first = front.index(key) + len(key) + 4
    (size,) = struct.unpack("<Q", front[first : first + 8])
    return front[first + 8 : first + 8 + size].decode()


def load(path, vocabularySize):
    """The model without its tokenizer."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.n_gpu_layers = 0
    parameters.use_mmap = False
    overrides = (llama_cpp.llama_model_kv_override * 3)()
    overrides[0].key = b"tokenizer.ggml.model"
    overrides[0].tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
    overrides[0].value.val_str = b"no_vocab"
    overrides[1].key = f"{architecture(path)}.vocab_size".encode()
    overrides[1].tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
    overrides[1].value.val_i64 = vocabularySize
    parameters.kv_overrides = overrides
    return llama_cpp.llama_model_load_from_file(path.encode(), parameters)


def logits(path, ids, vocabularySize):
    model = load(path, vocabularySize)
    if not model:
        raise RuntimeError("; ".join(messages[-2:]) or "not loaded")
    rows = []
    for sequence in ids:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = 256
        parameters.n_batch = parameters.n_ubatch = 256
        parameters.n_threads = parameters.n_threads_batch = 1
        parameters.type_k = parameters.type_v = 0  # f32
        parameters.flash_attn_type = 0
        context = llama_cpp.llama_init_from_model(model, parameters)
        if not context:
            raise RuntimeError("; ".join(messages[-2:]) or "no context")
        batch = llama_cpp.llama_batch_init(len(sequence), 0, 1)
        batch.n_tokens = len(sequence)
        for place, token in enumerate(sequence):
            batch.token[place] = int(token)
            batch.pos[place] = place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = 0
            batch.logits[place] = 1
        if llama_cpp.llama_decode(context, batch):
            raise RuntimeError("; ".join(messages[-2:]) or "not computed")
        for place in range(len(sequence)):
            row = llama_cpp.llama_get_logits_ith(context, place)
            rows.append(np.ctypeslib.as_array(row, (vocabularySize,)).copy())
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return np.array(rows, dtype=np.float64).reshape(*ids.shape, vocabularySize)


def compare(expected, file):
    ids, reference = tensors(expected)
    found = logits(file, ids, reference.shape[-1])
    spread = np.abs(reference - reference.mean(axis=-1, keepdims=True)).max()
    return np.abs(found - reference).max(), spread


if __name__ == "__main__":
    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    paths = sys.argv[1:]
    for expected, file in zip(paths[::2], paths[1::2]):
        try:
            difference, spread = compare(expected, file)
            print(f"{difference:.2e} of {spread:.2f}", flush=True)
        except (OSError, RuntimeError, ValueError) as error:
            print(f"failed: {error}", flush=True)
