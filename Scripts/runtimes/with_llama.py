"""What llama.cpp, by its Python binding, makes of files in GGUF, each the only one in its folder (reading.py)."""
import glob
import os

from reading import Loaded, answer, loss_of, two_likeliest

from llama_cpp import Llama


class File(Loaded):
    def __init__(self, folder):
        (path,) = glob.glob(os.path.join(folder, "*.gguf"))
        self.model = Llama(path, n_ctx=512, n_batch=512, logits_all=True, n_threads=1, n_threads_batch=1, verbose=False)

    def encode(self, text):
        return self.model.tokenize(text.encode(), add_bos=False, special=False)

    def decode(self, ids):
        return self.model.detokenize(ids, special=True).decode(errors="replace")

    def loss(self, ids):
        self.model.reset()
        self.model.eval(ids)
        return loss_of(self.model.scores[: len(ids) - 1], ids)

    def continued(self, ids, length):
        self.model.reset()
        for _ in range(length):
            self.model.eval(ids)
            step = two_likeliest(self.model.scores[self.model.n_tokens - 1])
            if step[0] == self.model.token_eos():
                break
            yield step
            ids = [step[0]]


answer(File)
