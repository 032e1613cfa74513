"""A decoder of transformers, run with a look at what goes into its blocks and comes out of them."""

from dataclasses import dataclass

import torch

from .errors import OracleError


@dataclass
class BlockCall:
    """The arguments with which a model has called a block: hidden states, mask, positions."""

    arguments: tuple
    keywords: dict

    @property
    def states(self) -> torch.Tensor:
        return self.arguments[0] if self.arguments else self.keywords["hidden_states"]

    def repeat(self, block: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
        """The block's output for other hidden states and the same mask and positions."""
        if self.arguments:
            return _first(block(states, *self.arguments[1:], **self.keywords))
        return _first(block(**{**self.keywords, "hidden_states": states}))


@dataclass
class Pass:
    calls: list[BlockCall]
    last: torch.Tensor  # what the last block gives, before the final norm
    logits: torch.Tensor

    @property
    def states(self) -> list[torch.Tensor]:
        return [call.states for call in self.calls] + [self.last]


def blocks_of(model: torch.nn.Module) -> torch.nn.ModuleList:
    count = model.config.get_text_config().num_hidden_layers
    for module in model.get_decoder().modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return module
    raise OracleError(
        f"{type(model).__name__}: expected a list of {count} blocks (num_hidden_layers) among its modules"
    )


def run(model: torch.nn.Module, ids: torch.Tensor) -> Pass:
    """One forward pass without a cache and without padding."""
    blocks, calls, outputs = blocks_of(model), [], []
    hooks = [
        block.register_forward_pre_hook(
            lambda _, arguments, keywords: calls.append(BlockCall(arguments, keywords)), with_kwargs=True
        )
        for block in blocks
    ]
    hooks.append(blocks[-1].register_forward_hook(lambda _module, _inputs, output: outputs.append(_first(output))))
    try:
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits
    finally:
        for hook in hooks:
            hook.remove()
    return Pass(calls, outputs[0], logits)


def next_token_loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy, in natural logarithms, of each token but the first of a sequence."""
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten().long())


def _first(output) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output[0]
