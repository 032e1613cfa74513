"""Random weights with which no part of a model can be forgotten unnoticed."""

import re

import torch

# Standard deviations by the ending of a parameter's name; the first that fits counts. Queries and keys are large enough
# that attention is far from uniform, routers that the choice of experts is.
DEVIATIONS = (
    ("bias", 0.1),
    ("q_proj.weight", 0.15),
    ("k_proj.weight", 0.15),
    ("qkv_proj.weight", 0.1),
    ("c_attn.weight", 0.1),
    ("query_key_value.weight", 0.1),
    ("lm_head.weight", 0.1),
    ("gate.weight", 0.25),
    ("router.weight", 0.25),
    ("", 0.05),
)


def draw_weights(model: torch.nn.Module, seed: int) -> None:
    """Fills all parameters. Norm weights are spread by 0.4 around where the family starts them, which is 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            start = parameter.flatten()[0].item()
            if parameter.dim() == 1 and name.endswith(".weight") and re.search("norm|ln_", name):
                parameter.uniform_(start - 0.4, start + 0.4, generator=generator)
            else:
                deviation = next(value for ending, value in DEVIATIONS if name.endswith(ending))
                parameter.normal_(0, deviation, generator=generator)
