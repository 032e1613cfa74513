"""The fixture of a format: a checkpoint that compressed-tensors wrote, and the logits that its weights give.

A folder of Tests/Fixtures/formats starts as nothing but recipe.yaml, whose schemes are applied to a tiny model with
random weights, rounded to nearest.
"""

import contextlib
import io
import json
from pathlib import Path

import torch
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from transformers import AutoModelForCausalLM, CompressedTensorsConfig, LlamaConfig, LlamaForCausalLM

from .errors import OracleError
from .nearest import enable_quantization, set_scales
from .random_weights import draw_weights
from .recipe import read_recipe
from .storage import read_json, write_tensors

SEQUENCES, TOKENS, KEPT_ROWS = 2, 16, 8
KEPT_LAYERS = ("model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj")
MODEL = dict(
    vocab_size=256,
    hidden_size=128,
    intermediate_size=256,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    pad_token_id=0,
    tie_word_embeddings=False,
)


def make(folder: Path, seed: int) -> None:
    scheme = read_recipe(folder / "recipe.yaml")
    if (folder / "model.safetensors").exists():
        raise OracleError(f"{folder}: expected recipe.yaml alone; delete the checkpoint to have it made anew")
    ids = torch.randint(
        0, MODEL["vocab_size"], (SEQUENCES, TOKENS), generator=torch.Generator().manual_seed(seed + 1)
    )
    model = rounded(scheme, ids, seed)
    compressor = compress(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    print(f"wrote {folder}: {compressor.quantization_config.format}")
    model = load(folder)
    write_tensors(folder / "expected.safetensors", expected(model, ids))


def rounded(scheme: QuantizationConfig, ids: torch.Tensor, seed: int) -> torch.nn.Module:
    """A tiny model with random weights, and the scales with which they are rounded to nearest."""
    model = LlamaForCausalLM._from_config(
        LlamaConfig(**MODEL), attn_implementation="eager", dtype=torch.bfloat16
    ).eval()
    draw_weights(model, seed)
    apply_quantization_config(model, scheme, show_progress=False)
    set_scales(model, ids)
    return model


def configuration_of(recipe: Path) -> dict:
    """The quantization_config that a recipe leads to, as compressed-tensors writes it."""
    model = rounded(read_recipe(recipe), torch.zeros(1, TOKENS, dtype=torch.long), seed=0)
    return json.loads(compress(model).quantization_config.model_dump_json())


def compress(model: torch.nn.Module) -> ModelCompressor:
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    return compressor


def load(folder: Path) -> torch.nn.Module:
    """The checkpoint as transformers and compressed-tensors read it, decoded."""
    if "quantization_config" not in read_json(folder / "config.json"):
        raise OracleError(f"{folder}/config.json: expected quantization_config")
    with contextlib.redirect_stderr(io.StringIO()):  # bars of progress, which have no switch
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16,
            attn_implementation="eager",
            quantization_config=CompressedTensorsConfig(dequantize=True),
        ).eval()


def expected(model: torch.nn.Module, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Logits in float32, without and with quantized activations, and rows of decoded weights."""
    decoded = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    tensors = {
        f"dequant.{layer}.weight.rows0_{KEPT_ROWS}": decoded[f"{layer}.weight"][:KEPT_ROWS].float()
        for layer in KEPT_LAYERS
    }
    model.float()
    with torch.no_grad():
        enable_quantization(model, False)
        tensors |= {"input_ids": ids.int(), "logits": model(input_ids=ids.long(), use_cache=False).logits}
        enable_quantization(model, True)
        quantized = model(input_ids=ids[:1].long(), use_cache=False).logits
        if not torch.equal(quantized, tensors["logits"][:1]):
            tensors["logits_act_quant_seq0"] = quantized
        model.bfloat16()
        for name, parameter in model.named_parameters():
            parameter.data = decoded[name]
    return tensors


def encode_again(model: torch.nn.Module) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors of a decoded checkpoint, encoded once more with the scales that it has, and its configuration."""
    compressor = compress(model)
    return model.state_dict(), json.loads(compressor.quantization_config.model_dump_json())
