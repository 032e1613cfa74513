"""Perplexities of checkpoints as mlx-lm loads them, on a text in windows of so many tokens.

    python Scripts/perplexity-mlx.py TEXT WINDOW FOLDER...

Prints the perplexity of each folder, or 0 and why it has none. Weights are made numbers of f32 after they are loaded, as
mlx's own products of most bits take minutes on a processor. Scripts/check-runtimes runs it.
"""
import math
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map
from mlx_lm.utils import dequantize_model, load_model
from tokenizers import Tokenizer

from perplexities import report


def perplexity(folder, text, window):
    model, _ = load_model(Path(folder))
    model.update(tree_map(lambda x: x.astype(mx.float32) if mx.issubdtype(x.dtype, mx.floating) else x, model.parameters()))
    model = dequantize_model(model)
    ids = Tokenizer.from_file(str(Path(folder) / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    loss, count = 0.0, 0
    for start in range(0, len(ids) // window * window, window):
        part = mx.array(ids[start : start + window])[None]
        logits = model(part)[0, :-1].astype(mx.float32)
        loss += nn.losses.cross_entropy(logits, part[0, 1:], reduction="sum").item()
        count += window - 1
    return math.exp(loss / count)


report(perplexity)
