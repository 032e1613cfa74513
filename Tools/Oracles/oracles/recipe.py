"""What a recipe.yaml asks of compressed-tensors: a fixture of a format starts as one."""

from pathlib import Path

import yaml
from compressed_tensors.quantization import QuantizationConfig
from pydantic import ValidationError

from .errors import OracleError

# LLM Compressor names the observers that it has used; presets leave them open.
WEIGHT_OBSERVER, STATIC_INPUT_OBSERVER = "memoryless_minmax", "static_minmax"


def read_recipe(file: Path) -> QuantizationConfig:
    try:
        stages = yaml.safe_load(file.read_text())
        modifiers = {
            name: fields for stage in stages.values() for group in stage.values() for name, fields in group.items()
        }
        fields = modifiers["AutoRoundModifier"]
    except (OSError, yaml.YAMLError, AttributeError, KeyError) as error:
        raise OracleError(
            f"{file}: expected a recipe, a stage with modifiers among which is an AutoRoundModifier: {error!r}"
        ) from error
    groups = fields.get("config_groups") or {fields.get("scheme"): fields.get("targets", ["Linear"])}
    if None in groups:
        raise OracleError(f"{file}: AutoRoundModifier: expected config_groups or scheme")
    cache = next((other["kv_cache_scheme"] for other in modifiers.values() if other.get("kv_cache_scheme")), None)
    try:
        config = QuantizationConfig(config_groups=groups, ignore=fields.get("ignore", []), kv_cache_scheme=cache)
    except (ValidationError, KeyError, NotImplementedError) as error:
        raise OracleError(f"{file}: AutoRoundModifier: compressed-tensors refuses the schemes: {error}") from error
    for scheme in config.config_groups.values():
        if scheme.weights and scheme.weights.observer is None:
            scheme.weights.observer = WEIGHT_OBSERVER
        if scheme.input_activations and scheme.input_activations.dynamic is not True:
            scheme.input_activations.observer = scheme.input_activations.observer or STATIC_INPUT_OBSERVER
    return config
