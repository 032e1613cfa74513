"""Scales that plain rounding to nearest needs, put into a model to which compressed-tensors has applied schemes."""

import torch
from compressed_tensors.modeling import register_key_hook, register_value_hook
from compressed_tensors.quantization import QuantizationArgs, QuantizationStrategy
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam, is_module_quantized

from .errors import OracleError


def set_scales(model: torch.nn.Module, ids: torch.Tensor) -> None:
    """Takes ranges from the weights, and from one pass over `ids` for what has a static scale besides."""
    modules = {name: module for name, module in model.named_modules() if is_module_quantized(module)}
    if not modules:
        raise OracleError("the recipe's targets: expected to match a layer, and match none")
    ranges = observe(model, modules, ids)
    with torch.no_grad():
        for name, module in modules.items():
            weights, inputs = module.quantization_scheme.weights, module.quantization_scheme.input_activations
            if weights is not None:
                set_weight_scales(module, weights)
            for kind in ("input", "k", "v"):
                if hasattr(module, f"{kind}_scale") or hasattr(module, f"{kind}_global_scale"):
                    set_static_scale(module, kind, inputs, *ranges[name, kind])


def observe(model: torch.nn.Module, modules: dict, ids: torch.Tensor) -> dict:
    """The least and the largest input of each layer, and key and value of each attention, in full precision."""
    ranges, hooks = {}, []
    for name, module in modules.items():
        note = lambda kind, name=name: lambda _, value: ranges.update({(name, kind): value.detach().aminmax()})
        if hasattr(module, "weight"):
            hooks.append(module.register_forward_pre_hook(lambda _, args, note=note("input"): note(_, args[0])))
        else:
            hooks += [register_key_hook(module, note("k")), register_value_hook(module, note("v"))]
    enable_quantization(model, False)
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    enable_quantization(model, True)
    for hook in hooks:
        hook.remove()
    return ranges


def enable_quantization(model: torch.nn.Module, enabled: bool) -> None:
    """Whether forward passes quantize what the schemes say, which compressed-tensors asks each module."""
    for module in model.modules():
        module.quantization_enabled = enabled


def set_weight_scales(module: torch.nn.Module, args: QuantizationArgs) -> None:
    least, largest = group_ranges(module.weight.float(), args)
    overall = None
    if hasattr(module, "weight_global_scale"):
        overall = generate_gparam(*module.weight.float().aminmax())
        module.weight_global_scale.copy_(overall)
    scale, zero_point = calculate_qparams(least, largest, args, overall)
    module.weight_scale.copy_(scale.reshape(module.weight_scale.shape))
    if hasattr(module, "weight_zero_point"):
        module.weight_zero_point.copy_(zero_point.reshape(module.weight_zero_point.shape))


def group_ranges(weight: torch.Tensor, args: QuantizationArgs) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimum and maximum of all weights that share a scale."""
    rows, columns = weight.shape
    match args.strategy:
        case QuantizationStrategy.TENSOR:
            groups = weight.reshape(1, -1)
        case QuantizationStrategy.CHANNEL:
            groups = weight[:, None, :]
        case QuantizationStrategy.GROUP | QuantizationStrategy.TENSOR_GROUP:
            groups = weight.reshape(rows, -1, args.group_size)
        case QuantizationStrategy.BLOCK:
            height, width = args.block_structure
            if rows % height or columns % width:
                raise OracleError(
                    f"block_structure {args.block_structure}: expected to divide {rows} x {columns}; ignore the layer"
                )
            groups = weight.reshape(rows // height, height, columns // width, width).transpose(1, 2).flatten(2)
        case other:
            raise OracleError(f"strategy {other} of weights: expected tensor, channel, group, tensor_group or block")
    return groups.amin(-1), groups.amax(-1)


def set_static_scale(module: torch.nn.Module, kind: str, args: QuantizationArgs, least, largest) -> None:
    if hasattr(module, f"{kind}_global_scale"):
        getattr(module, f"{kind}_global_scale").copy_(generate_gparam(least.float(), largest.float()))
    if hasattr(module, f"{kind}_scale"):
        scale, zero_point = calculate_qparams(least.float(), largest.float(), args)
        getattr(module, f"{kind}_scale").copy_(scale)
        if hasattr(module, f"{kind}_zero_point"):
            getattr(module, f"{kind}_zero_point").copy_(zero_point)
