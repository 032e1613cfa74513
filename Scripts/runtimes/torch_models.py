"""Models in PyTorch for reading.py: those of transformers, whoever loaded them."""
import os

# Compiling takes longer than what is computed here.
os.environ.update(HF_HUB_OFFLINE="1", TORCH_COMPILE_DISABLE="1")
from reading import Loaded, loss_of, two_likeliest

import torch


class TorchModel(Loaded):
    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model.eval(), tokenizer
        ends = model.generation_config.eos_token_id
        self.ends = ends if isinstance(ends, list) else [ends]
        # Kernels are chosen when a model is loaded; which is worth knowing.
        kinds = {type(module).__name__ for module in model.modules() if hasattr(module, "qweight")}
        self.remark = ", ".join(sorted(kinds))

    def decode(self, ids):
        return self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    def loss(self, ids):
        with torch.no_grad():
            return loss_of(self.model(torch.tensor([ids])).logits[0, :-1].float(), ids)

    def continued(self, ids, length):
        found = self.model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
            max_new_tokens=length, output_logits=True, return_dict_in_generate=True, pad_token_id=0,
        )
        for logits in found.logits:
            step = two_likeliest(logits[0].float())
            if step[0] in self.ends:
                break
            yield step
