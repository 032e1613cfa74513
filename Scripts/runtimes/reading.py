"""Asks a program that runs models what it makes of checkpoints: the loss of a text, and what it adds to prompts.

A module for each program (with_llama.py, …) imports this one first, and gives `answer` a function that loads a folder; compare.py runs it. The question is
JSON on the standard input: `text`, `window` (tokens of a window), `prompts`, `length` (tokens to add) and `folders`. The answer is a line of JSON for each folder: `loss` and `tokens`, `continuations`, and a `remark`; or `error`.
What else a program prints goes to the standard error.
"""
import json
import os
import sys
import traceback

# Before anything that keeps the standard output for itself is imported.
_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import numpy as np


class Loaded:
    """What a loaded checkpoint has to do; ids are lists of numbers of tokens. `tokenizer` is one of transformers."""

    remark = ""

    def encode(self, text):
        """The ids of a text, without special tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False)

    def decode(self, ids):
        return self.tokenizer.decode(ids)

    def loss(self, ids):
        """The sum over all tokens but the first of the negative logarithm of what they were thought likely."""
        raise NotImplementedError

    def continued(self, ids, length):
        """For each of so many tokens, the two likeliest ids, and by how much the logit of the first is larger."""
        raise NotImplementedError


def loss_of(logits, ids):
    """The loss of all ids but the first, of logits of all places but the last."""
    logits = np.asarray(logits, dtype=np.float64)
    largest = logits.max(axis=1)
    sums = np.log(np.exp(logits - largest[:, None]).sum(axis=1)) + largest
    return float((sums - logits[np.arange(len(ids) - 1), ids[1:]]).sum())


def two_likeliest(logits):
    """Their ids, the lower first of equal ones, and the gap between their logits."""
    logits = np.asarray(logits, dtype=np.float64)
    first = int(logits.argmax())
    others = logits.copy()
    others[first] = -np.inf
    second = int(others.argmax())
    return first, second, float(logits[first] - logits[second])


def _measured(load, folder, question):
    model = load(folder)
    ids, window = model.encode(question["text"]), question["window"]
    windows = [ids[start : start + window] for start in range(0, len(ids) // window * window, window)]
    continuations = []
    for prompt in question["prompts"]:
        # Each step: the text with this token, the text with the second likeliest in its place, the gap.
        steps, added = [], []
        for first, second, gap in model.continued(model.encode(prompt), question["length"]):
            steps.append([model.decode(added + [first]), model.decode(added + [second]), gap])
            added.append(first)
        continuations.append(steps)
    # After that, as loading is done with when a model is made other numbers for speed.
    loss = sum(model.loss(part) for part in windows)
    return {
        "loss": loss, "tokens": len(windows) * (window - 1), "continuations": continuations, "remark": model.remark,
    }


def answer(load, isOnce=False):
    """Answers the question, folder by folder; only the first of them where a program loads no two models."""
    question = json.load(sys.stdin)
    for folder in question["folders"][: 1 if isOnce else None]:
        try:
            found = _measured(load, folder, question)
        except BaseException as error:  # Whatever a program throws is its answer.
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
        print(json.dumps(found), file=_ANSWERS, flush=True)
