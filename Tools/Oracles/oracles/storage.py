"""Reading and writing the files of a fixture."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .errors import OracleError

FIXTURES = Path(__file__).resolve().parents[3] / "Tests" / "Fixtures"


def read_tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise OracleError(f"{file}: expected a safetensors file: {error}") from error


def read_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint in one file or in shards."""
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise OracleError(f"{folder}: expected model.safetensors, or shards model-*.safetensors")
    return {name: tensor for file in files for name, tensor in read_tensors(file).items()}


def write_tensors(file: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes copies, since the format holds no tensor twice and none with gaps."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, file, metadata)
    print(f"wrote {file} ({len(tensors)} tensors, {file.stat().st_size} bytes)")


def read_json(file: Path):
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise OracleError(f"{file}: expected a JSON file: {error}") from error
