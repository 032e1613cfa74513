"""Perplexities of GGUF files as llama.cpp computes them, on a text in windows of so many tokens.

    python Scripts/perplexity-llama.py TEXT WINDOW FOLDER...

Prints the perplexity of the file in each folder, or 0 and why it has none. Scripts/check-runtimes runs it.
"""
import glob
import math
import os

import numpy as np
from llama_cpp import Llama

from perplexities import report


def perplexity(folder, text, window):
    (file,) = glob.glob(os.path.join(folder, "*.gguf"))
    model = Llama(file, n_ctx=window, n_batch=window, logits_all=True, verbose=False)
    ids = model.tokenize(text.encode(), add_bos=False, special=False)
    loss, count = 0.0, 0
    for start in range(0, len(ids) // window * window, window):
        part = ids[start : start + window]
        model.reset()
        model.eval(part)
        logits = np.asarray(model.scores[: window - 1], dtype=np.float64)
        largest = logits.max(axis=1)
        sums = np.log(np.exp(logits - largest[:, None]).sum(axis=1)) + largest
        loss += float((sums - logits[np.arange(window - 1), part[1:]]).sum())
        count += window - 1
    return math.exp(loss / count)


report(perplexity)
