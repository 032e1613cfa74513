"""The fixture of a tuning run: auto_round tunes the block of Tests/Fixtures/tuning/block.safetensors.

The name of a file says what is tuned: w4_g32_sym, w2_g32_asym; with _s32, scales in float32; with _mask, losses over
the tokens of `valid_mask` alone; with _accum2, two batches for each step.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
from auto_round.algorithms.block_runner import BlockForwardRunner
from auto_round.algorithms.quantization.sign_round import quantizer as sign_round
from auto_round.algorithms.quantization.sign_round.config import SignRoundConfig
from auto_round.wrapper import unwrapper_block, wrapper_block
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from .errors import OracleError
from .storage import read_tensors, write_tensors

BATCH = 4
NAME = re.compile(
    r"w(?P<bits>[2-8])_g(?P<group>\d+)_(?P<kind>sym|asym)(?P<s32>_s32)?(?P<mask>_mask)?(_accum(?P<steps>\d+))?"
)
# Of these two layers a fixture keeps what is large: integers, offsets, their gradients.
KEPT_LAYERS = ("self_attn.k_proj", "mlp.down_proj")
KEPT_ROWS = 16
# What block.safetensors does not hold: heads and the epsilon of the norms.
BLOCK = dict(hidden_size=128, intermediate_size=256, num_attention_heads=4, num_key_value_heads=4, rms_norm_eps=1e-5)


@dataclass
class Variant:
    bits: int
    group: int
    symmetric: bool
    scale_dtype: torch.dtype
    masked: bool
    steps: int  # batches whose gradients are summed up

    @staticmethod
    def of(file: Path) -> "Variant":
        found = NAME.fullmatch(file.stem)
        if not found:
            raise OracleError(
                f"{file}: expected a name such as w4_g32_sym, w2_g32_asym_s32, w4_g32_sym_mask, w4_g32_sym_accum2"
            )
        return Variant(
            int(found["bits"]),
            int(found["group"]),
            found["kind"] == "sym",
            torch.float32 if found["s32"] else torch.float16,
            bool(found["mask"]),
            int(found["steps"] or 1),
        )


def make(file: Path, iterations: int, rate: float | None, seed: int) -> None:
    variant = Variant.of(file)
    inputs = read_tensors(file.with_name("block.safetensors"))
    generator = torch.Generator().manual_seed(seed)
    count, size = len(inputs["input_q"]), BATCH * variant.steps
    order = torch.cat([torch.randperm(count, generator=generator) for _ in range(iterations * size // count + 1)])
    batches = order[: iterations * size].reshape(iterations, size)
    write_tensors(file, tune(variant, inputs, batches, rate or 1 / iterations))


def block_of(inputs: dict[str, torch.Tensor], variant: Variant) -> LlamaDecoderLayer:
    config = LlamaConfig(**BLOCK)
    config._attn_implementation = "eager"
    block = LlamaDecoderLayer(config, 0).eval()
    block.load_state_dict(
        {name.removeprefix("weight."): tensor for name, tensor in inputs.items() if name.startswith("weight.")}
    )
    for name, layer in block.named_modules():
        if isinstance(layer, torch.nn.Linear):
            for field, value in dict(
                bits=variant.bits,
                group_size=variant.group,
                sym=variant.symmetric,
                data_type="int",
                act_bits=16,
                scale_dtype=variant.scale_dtype,
                global_name=name,
            ).items():
                setattr(layer, field, value)
    return block.requires_grad_(False)


def call(block: torch.nn.Module, states: torch.Tensor, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    return block(states, attention_mask=inputs["attention_mask"], position_embeddings=(inputs["cos"], inputs["sin"]))


def targets_of(inputs: dict[str, torch.Tensor], variant: Variant) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([call(block_of(inputs, variant), part, inputs) for part in inputs["input_fp"].split(BATCH)])


class Recorder(sign_round.SignRoundQuantizer):
    """auto_round's quantizer, which notes losses, rates, and the first step."""

    def __init__(self, config: SignRoundConfig, block: torch.nn.Module, elements: list[int]) -> None:
        super().__init__(config)
        self.tuned, self.elements = block, elements
        self.losses, self.rates, self.first_step = [], [], {}
        self.loss = 0.0

    def _scale_loss_and_backward(self, scaler, loss):
        self.loss += loss.item() / self.elements[len(self.losses)]
        return super()._scale_loss_and_backward(scaler, loss)

    def _step(self, scaler, optimizer, schedule):
        self.losses.append(self.loss)
        self.rates.append(float(optimizer.param_groups[0]["lr"]))
        self.loss = 0.0
        first = not self.first_step
        if first:
            self.first_step = {f"grad0.{name}": value.grad.clone() for name, value in parameters(self.tuned).items()}
        super()._step(scaler, optimizer, schedule)
        if first:
            self.first_step |= {
                f"after1.{name}": value.detach().clone() for name, value in parameters(self.tuned).items()
            }


def parameters(block: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name, layer in block.named_modules()
        if hasattr(layer, "orig_layer")
        for key, value in layer.params.items()
    }


class FixedBatches:
    """In place of auto_round's sampler."""

    def __init__(self, batches: torch.Tensor) -> None:
        self.batches = iter(batches.tolist())

    def next_batch(self) -> list[int]:
        return next(self.batches)


def tune(
    variant: Variant, inputs: dict[str, torch.Tensor], batches: torch.Tensor, rate: float
) -> dict[str, torch.Tensor]:
    block = block_of(inputs, variant)
    elements = [1] * len(batches)
    if variant.masked:
        elements = [int(inputs["valid_mask"][batch].sum()) for batch in batches.long()]
    elif variant.steps > 1:
        elements = [inputs["input_q"][batch].numel() for batch in batches.long()]
    quantizer = Recorder(
        SignRoundConfig(
            iters=len(batches),
            lr=rate,
            minmax_lr=rate,
            gradient_accumulate_steps=variant.steps,
            bits=variant.bits,
            group_size=variant.group,
            sym=variant.symmetric,
            data_type="int",
            act_bits=16,
        ),
        block,
        elements,
    )
    quantizer.bind(run_context(block))
    others = {"attention_mask": inputs["attention_mask"], "position_embeddings": (inputs["cos"], inputs["sin"])}
    quantizer.bind_block_forward_runner(
        BlockForwardRunner(batch_size=BATCH, amp=False, enable_torch_compile=False, shared_cache_keys=tuple(others))
    )
    if variant.masked:
        quantizer._cached_valid_token_mask = list(inputs["valid_mask"].long().split(1))
    with mock.patch.object(sign_round, "IndexSampler", lambda *_: FixedBatches(batches)):
        best = quantizer.quantize_block(
            block,
            list(inputs["input_fp"].split(1)),
            others,
            list(targets_of(inputs, variant).split(1)),
            list(inputs["input_q"].split(1)),
            SimpleNamespace(block_index=0, block_cnt=1, block_name="model.layers.0"),
            input_ids=[] if variant.masked else None,
        )
    tensors = {
        "loss": torch.tensor(quantizer.losses, dtype=torch.float64),
        "lr": torch.tensor(quantizer.rates, dtype=torch.float64),
        "batches": batches.int(),
        "best_iter": torch.tensor([quantizer.losses.index(min(quantizer.losses))]).int(),
    }
    tensors |= {f"best.{layer}.{key}": value for layer, values in best.items() for key, value in values.items()}
    return tensors | kept_of_first_step(quantizer.first_step) | result_of(block, inputs, variant)


def run_context(block: torch.nn.Module) -> SimpleNamespace:
    """What auto_round's orchestrator knows, for one block in float32."""
    return SimpleNamespace(
        model_context=SimpleNamespace(model=block, amp=False, amp_dtype=torch.float32, is_diffusion=False),
        compress_context=SimpleNamespace(
            low_gpu_mem_usage=False, enable_torch_compile=False, cache_device="cpu", clear_memory=lambda: None
        ),
        calibration_context=SimpleNamespace(batch_size=BATCH, batch_dim=0),
        scale_dtype=None,
        scheme_context=SimpleNamespace(data_type="int", is_act_nv_fp=lambda: False),
    )


def kept_of_first_step(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    kept = {name: value for name, value in values.items() if not name.endswith(".value")}
    attention, mlp = KEPT_LAYERS
    kept[f"grad0.{attention}.value"] = values[f"grad0.{attention}.value"]
    down = values[f"grad0.{mlp}.value"]
    kept[f"grad0.{mlp}.value_rows0_{KEPT_ROWS}"] = down[: KEPT_ROWS * BLOCK["intermediate_size"] // down.shape[1]]
    for layer in KEPT_LAYERS:
        kept[f"after1.{layer}.value_sign"] = values[f"after1.{layer}.value"].sign().to(torch.int8)
    return kept


def result_of(block: torch.nn.Module, inputs: dict[str, torch.Tensor], variant: Variant) -> dict[str, torch.Tensor]:
    """Scales, zero points and integers of a quantized block, and what it gives."""
    tensors = {}
    for name, layer in block.named_modules():
        if isinstance(layer, torch.nn.Linear):
            scale = layer.scale.float().repeat_interleave(variant.group, 1)
            integers = (layer.weight / scale).round()
            tensors[f"best.{name}.scale"] = layer.scale
            if not variant.symmetric:
                tensors[f"best.{name}.zp"] = layer.zp.to(torch.uint8)
                integers += layer.zp.repeat_interleave(variant.group, 1)
            tensors[f"best.{name}.int"] = integers.to(torch.int8)
    with torch.no_grad():
        tensors["quantized_output"] = call(block, inputs["input_q"][:2], inputs)
    return tensors


def with_parameters(
    variant: Variant, inputs: dict[str, torch.Tensor], best: dict[str, dict[str, torch.Tensor]]
) -> torch.nn.Module:
    """The block quantized with given parameters."""
    block = block_of(inputs, variant)
    with torch.no_grad():
        wrapper_block(block, True, False, enable_torch_compile=False)
        unwrapper_block(block, best)
    return block
