"""Intel's auto-round beside this program; Scripts/compare-peer runs it and installs what it needs.

    python Scripts/peer.py block HIDDEN INTERMEDIATE HEADS KEY_VALUE_HEADS HEAD_SIZE BATCH TOKENS [EXPERTS CHOSEN] ITERATIONS

prints the seconds of one tuning iteration on a decoder block with random weights, and the gigabytes of memory that the process
took at most. With experts, of which a token chooses some, the intermediate size is that of one. And

    python Scripts/peer.py model FOLDER CALIBRATION SAMPLES TOKENS

the seconds of a whole run, W4A16 with the default settings, and the gigabytes of memory that it took at most.
"""
import json
import os
import resource
import statistics
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM)


def quantize(model, samples, tokens, **options):
    from auto_round import AutoRound

    dataset = [{"input_ids": ids, "attention_mask": torch.ones_like(ids)} for ids in samples]
    AutoRound(
        model, tokenizer="", scheme="W4A16", nsamples=len(dataset), seqlen=tokens, dataset=dataset,
        enable_torch_compile=True, device_map="cpu", **options).quantize()


def gigabytes():
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def block(hidden, intermediate, heads, kv_heads, head_size, batch, tokens, *others):
    torch.manual_seed(1)
    *experts, iterations = others
    sizes = dict(
        vocab_size=1024, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=2 if experts else 3,
        num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_size,
        max_position_embeddings=8192)
    if experts:
        model = Qwen3MoeForCausalLM(Qwen3MoeConfig(
            moe_intermediate_size=intermediate, num_experts=experts[0], num_experts_per_tok=experts[1], **sizes))
    else:
        model = Qwen3ForCausalLM(Qwen3Config(**sizes))
    model = model.to(torch.bfloat16).eval()
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
    samples = [torch.randint(0, 1024, (1, tokens)) for _ in range(2 * batch)]
    quantize(model, samples, tokens, iters=iterations, batch_size=batch)
    print(f"{statistics.median(blocks[1:]):.4f} {gigabytes():.2f}")


def model(folder, calibration, count, tokens):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    samples = []
    with open(calibration) as lines:
        for line in lines:
            ids = tokenizer(json.loads(line)["text"], return_tensors="pt").input_ids[:, :tokens]
            if ids.shape[1] == tokens and len(samples) < count:
                samples.append(ids)
    start = time.perf_counter()
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    quantize(loaded, samples, tokens, iters=200, batch_size=8)
    seconds = time.perf_counter() - start
    print(f"{seconds:.1f} {gigabytes():.3f}")


if sys.argv[1] == "block":
    block(*map(int, sys.argv[2:]))
else:
    model(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
