"""Fake quantization of a weight."""

import torch
from auto_round.wrapper import WrapperLinear

FIELDS = ("bits", "group_size", "sym", "data_type", "scale_dtype")
PARAMETERS = ("value", "min_scale", "max_scale")


def draw_inputs(cases: dict[str, dict], rows: int, columns: int, seed: int) -> dict[str, torch.Tensor]:
    """A weight with the groups that are easily done wrong, parameters as tuning leaves them, and a gradient."""
    fields = next(iter(cases.values()))
    generator = torch.Generator().manual_seed(seed)
    weight = torch.empty(rows, columns).normal_(0, 0.05, generator=generator)
    # An outlier of either sign; all positive; all negative; a group of zeros; -minimum = maximum; below any scale.
    size = fields["group_size"] if isinstance(fields["group_size"], int) and fields["group_size"] > 0 else columns
    for row, change in enumerate(
        (
            lambda w: w[5:6].fill_(0.31),
            lambda w: w[7:8].fill_(-0.29),
            lambda w: w.abs_(),
            lambda w: w.abs_().neg_(),
            lambda w: w[:size].zero_(),
            lambda w: w[:2].copy_(torch.tensor([-0.25, 0.25])),
            lambda w: w[:size].mul_(1e-6),
        )
    ):
        if row < rows:
            change(weight[row])
    wrapper = wrap(fields, weight)
    uniform = lambda shape, low, high: torch.empty(shape).uniform_(low, high, generator=generator)
    return {
        "in.weight_f32": weight,
        "in.weight_bf16": weight.bfloat16(),
        "in.value": uniform(wrapper.value.shape, -0.5, 0.5),
        "in.min_scale": uniform(wrapper.min_scale.shape, 0.7, 1),
        "in.max_scale": uniform(wrapper.max_scale.shape, 0.7, 1),
        "in.g": torch.empty(rows, columns).normal_(0, 1, generator=generator),
    }


def wrap(fields: dict, weight: torch.Tensor) -> WrapperLinear:
    """auto_round's own layer around a weight, as it is while a block is tuned."""
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    size = fields["group_size"]
    for name, value in {
        "bits": fields["bits"],
        "group_size": tuple(size) if isinstance(size, list) else size,
        "sym": fields["sym"],
        "data_type": fields["data_type"],
        "scale_dtype": getattr(torch, fields["scale_dtype"]),
        "act_bits": 16,
    }.items():
        setattr(layer, name, value)
    return WrapperLinear(layer, enable_torch_compile=False)


def quantize(case: str, fields: dict, inputs: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], dict]:
    """What comes out of one case, and what auto_round made of its fields."""
    wrapper = wrap(fields, inputs[f"in.weight_{case.rsplit('.')[-1]}"])
    parameters = [inputs[f"in.{name}"].clone().requires_grad_() for name in PARAMETERS]
    quantized, scale, zero_point = wrapper._qdq_weight(*parameters)
    (quantized * inputs["in.g"].to(quantized.dtype)).sum().backward()
    outputs = {"qdq": quantized, "scale": scale}
    if not fields["sym"]:
        outputs["zp"] = zero_point
    if wrapper.weight_global_scale is not None:
        outputs["global_scale"] = wrapper.weight_global_scale.reshape(1)
    for name, parameter in zip(PARAMETERS, parameters):
        outputs[f"d_{name}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    without = [name for name, parameter in zip(PARAMETERS, parameters) if parameter.grad is None]
    facts = {"resolved": wrapper.data_type, "q_scale_thresh": wrapper.q_scale_thresh, "grads_none": without}
    return {name: tensor.detach() for name, tensor in outputs.items()}, facts
