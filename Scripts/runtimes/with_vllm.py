"""What vLLM for processors makes of checkpoints (reading.py), in the type that they have."""
import os

os.environ.update(
    HF_HUB_OFFLINE="1", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="1", VLLM_NO_USAGE_STATS="1"
)
from reading import Loaded, answer

from vllm import LLM, SamplingParams


class Served(Loaded):
    def __init__(self, folder):
        self.model = LLM(folder, enforce_eager=True, max_model_len=1024, max_num_seqs=4, max_logprobs=2)
        self.tokenizer = self.model.get_tokenizer()

    def _found(self, ids, **options):
        (found,) = self.model.generate(
            {"prompt_token_ids": ids}, SamplingParams(temperature=0, **options), use_tqdm=False
        )
        return found

    def loss(self, ids):
        found = self._found(ids, max_tokens=1, prompt_logprobs=0)
        return -sum(place[token].logprob for token, place in zip(ids[1:], found.prompt_logprobs[1:]))

    def continued(self, ids, length):
        (output,) = self._found(ids, max_tokens=length, logprobs=2).outputs
        for place in output.logprobs:
            (first, most), (second, next_most) = sorted(place.items(), key=lambda item: item[1].rank)[:2]
            if first == self.tokenizer.eos_token_id:
                break
            yield first, second, most.logprob - next_most.logprob


answer(Served, isOnce=True)
