"""The fixture of a model family: a tiny model with random weights, and what transformers computes from it.

A folder of Tests/Fixtures/models starts as nothing but config_hub.json, the configuration as published models of the
family spell it. Everything else is made from that; where weights are there already, they are used as they are.
"""

import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from .decoder import blocks_of, next_token_loss, run
from .errors import OracleError
from .random_weights import draw_weights
from .storage import read_checkpoint, write_tensors

SEQUENCES, TOKENS = 2, 24


def make(folder: Path, seed: int, dtype: torch.dtype, shard_size: str, with_gradients: bool) -> None:
    config = configuration(folder / "config_hub.json")
    if not list(folder.glob("model*.safetensors")):
        config.dtype = dtype
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=dtype)
        draw_weights(model, seed)
        model.save_pretrained(folder, max_shard_size=shard_size)
        (folder / "generation_config.json").unlink(missing_ok=True)
        print(f"wrote {folder}/config.json and {sum(p.numel() for p in model.parameters())} weights")
    model = load(folder, config)
    generator = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(0, config.get_text_config().vocab_size, (SEQUENCES, TOKENS), generator=generator)
    write_tensors(folder / "oracle.safetensors", forward_oracle(model, ids), {"format": "pt"})
    if with_gradients:
        shape = (SEQUENCES, TOKENS, config.get_text_config().hidden_size)
        x, target = (torch.empty(shape).normal_(0, 0.5, generator=generator) for _ in range(2))
        write_tensors(folder / "block_grad.safetensors", gradient_oracle(model, ids, x, target), {"format": "pt"})
    print("float32 rounds by up to " + ", ".join(f"{what} {size:.1e}" for what, size in rounding(model, ids).items()))


def configuration(file: Path):
    if not file.is_file():
        raise OracleError(
            f"{file}: expected the configuration of a tiny model, as published models of the family spell it"
        )
    try:
        return AutoConfig.from_pretrained(file)
    except (OSError, ValueError, KeyError) as error:
        raise OracleError(f"{file}: transformers does not know this configuration: {error}") from error


def load(folder: Path, config) -> torch.nn.Module:
    """The model with its weights widened to float32; refuses a tensor too many or too few."""
    model, outcome = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if outcome[kind]:
            raise OracleError(f"{folder}: {kind.replace('_', ' ')}: {sorted(map(str, outcome[kind]))}, expected none")
    return model.eval()


def forward_oracle(model: torch.nn.Module, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    found = run(model, ids)
    oracle = {f"hidden_states.{index}": states for index, states in enumerate(found.states)}
    oracle |= {"input_ids": ids, "logits": found.logits, "loss": next_token_loss(found.logits, ids).reshape(1)}
    return oracle | rotary_oracle(model)


def rotary_oracle(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Rotary frequencies and the factor on cosine and sine; a family with several kinds of blocks has several."""
    oracle = {}
    for owner in model.modules():
        for name, frequencies in owner.named_buffers(recurse=False):
            if name.endswith("inv_freq") and "original" not in name:
                kind = name.removesuffix("inv_freq").rstrip("_")
                factor = getattr(owner, f"{kind}_attention_scaling" if kind else "attention_scaling", 1.0)
                suffix = f".{kind}" if kind else ""
                oracle[f"rope.inv_freq{suffix}"] = frequencies.float()
                oracle[f"rope.attention_factor{suffix}"] = torch.tensor([float(factor)])
    return oracle


def gradient_oracle(
    model: torch.nn.Module, ids: torch.Tensor, x: torch.Tensor, target: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Gradients of mean((block 0 (x) - target)^2), for the input and for every parameter of the block."""
    call = run(model, ids).calls[0]
    block = blocks_of(model)[0]
    x = x.clone().requires_grad_()
    output = call.repeat(block, x)
    loss = (output - target).square().mean()
    parameters = list(block.parameters())
    gradients = torch.autograd.grad(loss, [x, *parameters], materialize_grads=True)
    oracle = {"x": x, "target": target, "output": output, "loss": loss.reshape(1), "grad.input": gradients[0]}
    published = published_names(model, dict(zip(parameters, gradients[1:])))
    return oracle | {f"grad.{name}": gradient for name, gradient in published.items()}


def published_names(
    model: torch.nn.Module, gradients: dict[torch.nn.Parameter, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Gradients under the names, and in the shapes, that weights have in a checkpoint.

    transformers may hold a weight fused or transposed. It undoes that when it saves a model, so a model is saved whose
    weights are the gradients; NaN tells weights that have none.
    """
    tensors = [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.is_floating_point())]
    kept = {tensor: tensor.detach().clone() for tensor in tensors}
    try:
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            for tensor in kept:
                tensor.copy_(gradients[tensor]) if tensor in gradients else tensor.fill_(torch.nan)
            model.save_pretrained(folder)
            return {name: value for name, value in read_checkpoint(Path(folder)).items() if not value.isnan().any()}
    finally:
        with torch.no_grad():
            for tensor, value in kept.items():
                tensor.copy_(value)


def rounding(model: torch.nn.Module, ids: torch.Tensor) -> dict[str, float]:
    """How far float32 is from float64: what a tolerance has to leave room for, several times over.

    Norms and softmax of transformers stay in float32, so this is no bound; it has the right order.
    """
    narrow = run(model, ids)
    wide = run(model.double(), ids)
    model.float()
    states = max((a - b).abs().max().item() for a, b in zip(narrow.states, wide.states))
    return {"hidden states": states, "logits": (narrow.logits - wide.logits).abs().max().item()}
