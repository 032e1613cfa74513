"""Perplexities of checkpoints as transformers loads them, on a text in windows of so many tokens.

    python Scripts/perplexity.py TEXT WINDOW FOLDER...

Prints the perplexity of each folder, or 0 and why it has none. Computes in the type that the model has, unless DTYPE names
another. Scripts/check-transformers runs it.
"""
import contextlib
import math
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(folder, text, window):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Other attention than this leaves out the bounds of Gemma's scores.
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=os.environ.get("DTYPE", "auto"), attn_implementation="eager"
    ).eval()
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids[0]
    loss, count = 0.0, 0
    with torch.no_grad():
        # The first pass makes the weights, those of FP4 in bf16, whatever the model has.
        with contextlib.suppress(RuntimeError):
            model(ids[None, :window])
        model.to(model.config.dtype)
        for first in range(0, len(ids) - window + 1, window):
            part = ids[None, first : first + window]
            logits = model(part).logits[0, :-1].float()
            loss += torch.nn.functional.cross_entropy(logits, part[0, 1:], reduction="sum").item()
            count += window - 1
    return math.exp(loss / count)


name, window, *folders = sys.argv[1:]
with open(name) as file:
    text = file.read()
for folder in folders:
    try:
        print(f"{perplexity(folder, text, int(window)):.5f}", flush=True)
    except Exception as error:
        print("0", " ".join(f"{type(error).__name__}: {error}".split())[:300], flush=True)
