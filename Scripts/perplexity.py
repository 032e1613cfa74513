"""Perplexities of checkpoints as transformers loads them, on a text in windows of so many tokens.

    python Scripts/perplexity.py TEXT WINDOW FOLDER...

Prints the perplexity of each folder, or 0 and why it has none. Computes in the type that the model has, unless DTYPE names
another. With DEQUANTIZED=1, compressed-tensors makes a model in full precision of each checkpoint before it is loaded
(Scripts/dequantize.py). Scripts/check-transformers runs it.
"""
import contextlib
import json
import math
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers

from dequantize import dequantize


def earlier_first(self, k, dim=-1, largest=True, sorted=True):
    """What `topk` finds, of equal numbers the earlier: torch finds any, and so attends DeepSeek V3.2 to any key."""
    values, indices = torch.sort(self, dim=dim, descending=largest, stable=True)
    return torch.return_types.topk((values.narrow(dim, 0, k), indices.narrow(dim, 0, k)))


torch.Tensor.topk = earlier_first


def load(folder):
    with open(os.path.join(folder, "config.json")) as file:
        name = json.load(file)["architectures"][0]
    # Other attention than this leaves out the bounds of Gemma's scores.
    model, report = getattr(transformers, name).from_pretrained(
        folder, dtype=os.environ.get("DTYPE", "auto"), attn_implementation="eager", output_loading_info=True
    )
    for kind in ("missing_keys", "mismatched_keys"):
        if report[kind]:
            keys = sorted(map(str, report[kind]))
            raise KeyError(f"{len(keys)} {kind.replace('_', ' ')}, as {keys[0]}")
    return model.eval()


def perplexity(folder, text, window):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with contextlib.ExitStack() as stack:
        if os.environ.get("DEQUANTIZED"):
            temporary = stack.enter_context(tempfile.TemporaryDirectory())
            dequantize(folder, temporary)
            folder = temporary
        model = load(folder)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids[0]
    loss, count = 0.0, 0
    with torch.no_grad():
        # The first pass makes the weights, those of FP4 in bf16, whatever the model has.
        with contextlib.suppress(RuntimeError):
            model(ids[None, :window])
        model.to(model.config.dtype)
        windows = ids[: len(ids) // window * window].view(-1, window)
        for part in windows.split(max(1, 4096 // window)):
            logits = model(part).logits[:, :-1].float().flatten(0, 1)
            loss += torch.nn.functional.cross_entropy(logits, part[:, 1:].flatten(), reduction="sum").item()
            count += part[:, 1:].numel()
    return math.exp(loss / count)


name, window, *folders = sys.argv[1:]
with open(name) as file:
    text = file.read()
for folder in folders:
    try:
        print(f"{perplexity(folder, text, int(window)):.5f}", flush=True)
    except Exception as error:
        print("0", " ".join(f"{type(error).__name__}: {error}".split())[:300], flush=True)
