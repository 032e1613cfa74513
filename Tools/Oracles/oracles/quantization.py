"""The fixture of a quantization case: one call of auto_round's fake quantization, with its gradients.

The cases of a file stand in Tests/Fixtures/quant/index.json. A new file starts as an entry there; its inputs are drawn,
and those of a file that exists are used as they are.
"""

import json
from pathlib import Path

import torch

from . import activation_case, weight_case
from .errors import OracleError
from .storage import read_json, read_tensors, write_tensors


def make(file: Path, rows: int, columns: int, seed: int) -> None:
    index_file = file.with_name("index.json")
    index = read_json(index_file)
    cases = cases_of(index, file)
    if file.is_file():
        inputs = inputs_among(read_tensors(file))
    else:
        inputs = kind_of(cases).draw_inputs(cases, rows, columns, seed)
    outputs, facts = quantize(cases, inputs)
    for case, fields in cases.items():
        fields.update(facts[case])
    write_tensors(file, inputs | outputs)
    index_file.write_text(json.dumps(index, indent=1))
    print(f"wrote {index_file}: {len(cases)} cases of {file.name}")


def kind_of(cases: dict[str, dict]):
    """The module that knows this kind of case: of a layer's input, or of its weight."""
    return activation_case if "act_bits" in next(iter(cases.values())) else weight_case


def cases_of(index: list, file: Path) -> dict[str, dict]:
    """The cases that the index lists for a file."""
    place = file.with_name("index.json")
    entry = next((entry for entry in index if entry.get("file") == file.name), None)
    if not entry or not entry.get("cases") or not all(isinstance(fields, dict) for fields in entry["cases"].values()):
        raise OracleError(f'{place}: expected an entry with "file": "{file.name}" and its cases, each with fields')
    cases = entry["cases"]
    required = kind_of(cases).FIELDS
    for case, fields in cases.items():
        missing = [field for field in required if field not in fields]
        if missing:
            raise OracleError(f"{place}: {file.name}: {case}: expected also {', '.join(missing)}")
        if not case.endswith((".f32", ".bf16")):
            raise OracleError(f"{place}: {file.name}: {case}: expected a name that ends in a type, .f32 or .bf16")
    return cases


def inputs_among(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    calibrated = tuple(f".{name}" for name in activation_case.CALIBRATED)
    return {name: tensor for name, tensor in tensors.items() if name.startswith("in.") or name.endswith(calibrated)}


def quantize(
    cases: dict[str, dict], inputs: dict[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """What comes out of the cases, and for each what auto_round made of its fields."""
    tensors, facts = {}, {}
    for case, fields in cases.items():
        outputs, facts[case] = kind_of(cases).quantize(case, fields, inputs)
        tensors |= {f"{case}.{name}": tensor for name, tensor in outputs.items()}
    return tensors, facts
