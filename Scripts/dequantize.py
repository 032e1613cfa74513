"""A model in full precision of a quantized checkpoint, made by compressed-tensors without transformers: for families that
transformers has no place in for quantized layers. What it reads per expert becomes the stacks of that family's class.
"""
import json
import os
import re

import torch
from compressed_tensors.entrypoints.convert.converters.ct_dequantizer import CompressedTensorsDequantizer
from safetensors.torch import load_file, save_file


def stacked(gate_up, down, rows, interleaved=False):
    """Stacks of experts: their names, whether outputs are rows, whether rows of gate and up take turns."""

    def stack(matrices):
        return torch.stack(matrices) if rows else torch.stack(matrices).mT.contiguous()

    def join(gate, up):
        return torch.stack((gate, up), 1).flatten(0, 1) if interleaved else torch.cat((gate, up))

    def of(experts):
        parts = {name: [expert[name] for expert in experts] for name in experts[0]}
        gate, up, low = ("w1", "w3", "w2") if "w1.weight" in parts else ("gate_proj", "up_proj", "down_proj")
        # Stacks of which nothing is quantized are still there.
        for end, kind, pile in ((gate_up, ".weight", stack), (gate_up + "_bias", ".bias", torch.stack)):
            if gate + kind in parts:
                yield end, pile([join(*pair) for pair in zip(parts[gate + kind], parts[up + kind])])
        for end, kind, pile in ((down, ".weight", stack), (down + "_bias", ".bias", torch.stack)):
            if low + kind in parts:
                yield end, pile(parts[low + kind])

    return of


usual = ("experts.gate_up_proj", "experts.down_proj")
granite = stacked("input_linear.weight", "output_linear.weight", rows=True)
STACKS = {
    "gemma4": stacked(*usual, rows=True),
    "gpt_oss": stacked(*usual, rows=False, interleaved=True),
    "granitemoe": granite,
    "granitemoehybrid": granite,
    "llama4": stacked(*usual, rows=False),
    "qwen3_vl_moe": stacked(*usual, rows=False),
}


def dequantize(folder, output):
    """Writes the model of a checkpoint's folder to another."""
    with open(os.path.join(folder, "config.json")) as file:
        configuration = json.load(file)
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            tensors |= load_file(os.path.join(folder, name))
    # The scale of a tensor in FP4 is of inputs, which no weight has a part in.
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(".input_global_scale")}
    tensors = CompressedTensorsDequantizer(folder, dtype=torch.float32).process(tensors)
    family = configuration["model_type"]
    if family == "gpt2":
        # Its layers have a row for each input.
        for name in tensors:
            if re.search(r"\.(c_attn|c_proj|c_fc)\.weight$", name):
                tensors[name] = tensors[name].T.contiguous()
    if family in STACKS:
        blocks = {}
        for name in list(tensors):
            if found := re.fullmatch(r"(.*\.)experts\.(\d+)\.(.*)", name):
                experts = blocks.setdefault(found[1], {})
                experts.setdefault(int(found[2]), {})[found[3]] = tensors.pop(name)
        for block, experts in blocks.items():
            for name, tensor in STACKS[family]([experts[number] for number in sorted(experts)]):
                tensors[block + name] = tensor
    del configuration["quantization_config"]
    with open(os.path.join(output, "config.json"), "w") as file:
        json.dump(configuration, file)
    save_file(tensors, os.path.join(output, "model.safetensors"))
