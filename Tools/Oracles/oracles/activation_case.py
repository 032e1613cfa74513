"""Fake quantization of a layer's input."""

import torch
from auto_round.wrapper import WrapperLinear

FIELDS = ("act_bits", "act_group_size", "act_sym", "act_data_type", "act_dynamic")
TOKENS = (2, 5)
# What a calibrated scale follows from; each case has its own.
CALIBRATED = ("act_max", "act_max_scale")


def draw_inputs(cases: dict[str, dict], rows: int, columns: int, seed: int) -> dict[str, torch.Tensor]:
    """Inputs of tokens as layers have them, with an outlier, and a gradient; `rows` are not asked for."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.empty(*TOKENS, columns).normal_(0, 1.5, generator=generator)
    x[0, 0, 3] = 6.5
    g = torch.empty(*TOKENS, columns).normal_(0, 1, generator=generator)
    inputs = {"in.x_f32": x, "in.x_bf16": x.bfloat16(), "in.g": g}
    for case, fields in cases.items():
        if is_calibrated(fields):
            # Less than the largest, so that something is cut off.
            largest = inputs[f"in.x_{case.rsplit('.')[-1]}"].abs().max().reshape(1)
            inputs |= {f"{case}.act_max": largest * 0.8, f"{case}.act_max_scale": torch.tensor([0.9])}
    return inputs


def is_calibrated(fields: dict) -> bool:
    return not fields["act_dynamic"] or "static" in fields["act_data_type"]


def quantize(case: str, fields: dict, inputs: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], dict]:
    """What comes out of one case, and what auto_round made of its fields."""
    x = inputs[f"in.x_{case.rsplit('.')[-1]}"].clone().requires_grad_()
    layer = torch.nn.Linear(x.shape[-1], 1, bias=False, dtype=x.dtype)
    weight = {"bits": 16, "group_size": -1, "sym": True, "data_type": "int", "scale_dtype": torch.float16}
    for name, value in {**weight, **{field: fields[field] for field in FIELDS}}.items():
        setattr(layer, name, value)
    wrapper = WrapperLinear(layer, enable_torch_compile=False)
    calibrated, outputs = {}, {}
    if is_calibrated(fields):
        outputs = {name: inputs[f"{case}.{name}"] for name in CALIBRATED}
        calibrated = {name: tensor.clone() for name, tensor in outputs.items()}
        calibrated["act_max_scale"].requires_grad_()
    quantized, scale, zero_point = wrapper._qdq_act(x, **calibrated)
    (quantized * inputs["in.g"].to(quantized.dtype)).sum().backward()
    outputs |= {"qdq": quantized, "scale": scale, "d_x": x.grad}
    if not fields["act_sym"]:
        outputs["zp"] = zero_point
    if calibrated and calibrated["act_max_scale"].grad is not None:
        outputs["d_act_max_scale"] = calibrated["act_max_scale"].grad
    facts = {"resolved": wrapper.act_data_type, "q_scale_thresh": wrapper.q_scale_thresh}
    return {name: tensor.detach() for name, tensor in outputs.items()}, facts
