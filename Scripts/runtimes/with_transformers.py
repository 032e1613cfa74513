"""What transformers makes of checkpoints (reading.py), in the type that they have.

    python with_transformers.py [auto-round]    by the readers of auto-round, which read GPTQ and AWQ as well
"""
import sys

import torch_models
import transformers

from reading import answer


def load(folder):
    own = {}
    if sys.argv[1:] == ["auto-round"]:
        own["quantization_config"] = transformers.AutoRoundConfig()
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype="auto", output_loading_info=True, **own
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # Which group a column of GPTQ has is asked for by few.
        keys = sorted(key for key in map(str, report[kind]) if not key.endswith(".g_idx"))
        if keys:
            raise KeyError(f"{len(keys)} {kind.replace('_', ' ')}, as {keys[0]}")
    return torch_models.TorchModel(model, transformers.AutoTokenizer.from_pretrained(folder))


answer(load)
