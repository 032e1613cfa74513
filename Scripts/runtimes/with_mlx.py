"""What mlx-lm makes of checkpoints (reading.py), with all numbers but codes in f32.

Continuations are computed with the integers; for the text, weights are made numbers of f32, as mlx's own products of most bits
take minutes on a processor.
"""
from pathlib import Path

from reading import Loaded, answer, loss_of, two_likeliest

import mlx.core as mx
from mlx.utils import tree_map
from mlx_lm import load
from mlx_lm.generate import generate_step
from mlx_lm.utils import dequantize_model


class Checkpoint(Loaded):
    def __init__(self, folder):
        self.model, self.tokenizer = load(str(Path(folder).resolve()))
        self.model.update(
            tree_map(lambda x: x.astype(mx.float32) if mx.issubdtype(x.dtype, mx.floating) else x, self.model.parameters())
        )
        self.isInteger = True

    def loss(self, ids):
        if self.isInteger:
            self.model, self.isInteger = dequantize_model(self.model), False
        return loss_of(self.model(mx.array(ids)[None])[0, :-1].astype(mx.float32), ids)

    def continued(self, ids, length):
        for token, logarithms in generate_step(mx.array(ids), self.model, max_tokens=length):
            if token in self.tokenizer.eos_token_ids:
                break
            yield two_likeliest(logarithms.astype(mx.float32))


answer(Checkpoint)
