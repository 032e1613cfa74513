"""Seconds of one tuning iteration of Intel's auto-round on a decoder block with random weights.

    python Scripts/peer.py HIDDEN INTERMEDIATE HEADS KEY_VALUE_HEADS HEAD_SIZE BATCH TOKENS ITERATIONS

Needs torch, transformers and auto-round; Scripts/compare-peer installs them.
"""
import os
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

hidden, intermediate, heads, kv_heads, head_size, batch, tokens, iterations = map(int, sys.argv[1:])
torch.manual_seed(1)
config = Qwen3Config(
    vocab_size=1024, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=3,
    num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_size,
    max_position_embeddings=8192)
model = Qwen3ForCausalLM(config).to(torch.bfloat16).eval()

from auto_round import AutoRound
from auto_round.algorithms.quantization.sign_round import quantizer

# The first block pays for compilation; the median of the others counts.
blocks = []
original = quantizer.SignRoundQuantizer.quantize_block


def quantize_block(*arguments, **options):
    start = time.perf_counter()
    try:
        return original(*arguments, **options)
    finally:
        blocks.append((time.perf_counter() - start) / iterations)


quantizer.SignRoundQuantizer.quantize_block = quantize_block
samples = []
for _ in range(2 * batch):
    ids = torch.randint(0, 1024, (1, tokens))
    samples.append({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
AutoRound(
    model, tokenizer="", scheme="W4A16", iters=iterations, nsamples=len(samples), seqlen=tokens,
    batch_size=batch, dataset=samples, enable_torch_compile=True, device_map="cpu").quantize()
print(f"{statistics.median(blocks[1:]):.4f}")
