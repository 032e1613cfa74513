"""Perplexity of a checkpoint as transformers loads it, on a text in windows of 512 tokens.

    python Scripts/perplexity.py FOLDER TEXT

Scripts/check-transformers runs it.
"""
import math
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, text = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
with open(text) as file:
    ids = tokenizer(file.read(), add_special_tokens=False, return_tensors="pt").input_ids[0]
loss, count = 0.0, 0
with torch.no_grad():
    for first in range(0, len(ids) - 511, 512):
        window = ids[None, first:first + 512]
        logits = model(window).logits[0, :-1].float()
        loss += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
        count += 511
print(f"{math.exp(loss / count):.3f}")
