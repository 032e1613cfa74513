"""What GPTQModel makes of checkpoints (reading.py), with the kernels that it chooses on a processor."""
import torch_models
from gptqmodel import GPTQModel
from transformers import AutoTokenizer

from reading import answer


def load(folder):
    loaded = GPTQModel.load(folder, device="cpu")
    return torch_models.TorchModel(loaded.model, AutoTokenizer.from_pretrained(folder))


answer(load)
