"""Compares what programs that run models make of checkpoints with what `autoround` makes of them, and prints a table.

    python3 compare.py PROGRAM TEXT <ROWS

A row has, with tabs between them: what to call the checkpoint, the program that reads it, the interpreter with that program or
`!` and why there is none, the module that asks it and its arguments, the folder, the folder that `autoround` reads in its place
or the same again, and `no` where the program is known not to load it. Fails where perplexities differ by more than LIMIT per
cent (0.5), where a token is added to a prompt that the other finds less likely by more than GAP (0.5, a difference of
logits), and where one that is known not to load does, or the other way round.
"""
import json
import math
import os
import signal
import subprocess
import sys
import threading

WINDOW, LENGTH, SECONDS = 512, 32, 1800
PROMPTS = ["It was a dark night, and the old man", "\"My dear sir,\" said he,", "The house stood upon a hill,"]
LIMIT, GAP = float(os.environ.get("LIMIT", 0.5)), float(os.environ.get("GAP", 0.5))


def last_line(text):
    return ([line.strip() for line in text.splitlines() if line.strip()] or ["nothing was said"])[-1]


def ours(program, folder, text):
    """Perplexity, number of tokens, and what follows the prompts."""

    def run(*arguments):
        found = subprocess.run([program, *arguments, "--compute", "f32"], capture_output=True, text=True)
        if found.returncode:
            raise RuntimeError(f"autoround: {last_line(found.stderr)}")
        return found.stdout

    report = json.loads(run("evaluate", folder, "--text", text, "--sequence-length", str(WINDOW), "--json"))
    texts = [run("generate", folder, "--prompt", prompt, "--max-tokens", str(LENGTH))[:-1] for prompt in PROMPTS]
    return report["perplexity"], report["tokens"], texts


def theirs(interpreter, module, folders, text):
    """An answer of reading.py for each folder; after one that ends the program, it is started again for the others."""
    name, *arguments = module.split()
    command = [interpreter, os.path.join(os.path.dirname(__file__), name), *arguments]
    question = {"text": text, "window": WINDOW, "prompts": PROMPTS, "length": LENGTH}
    count = 0
    with open(os.path.join("out", "runtimes", "log"), "a+") as log:
        while count < len(folders):
            start, known = log.seek(0, os.SEEK_END), count
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process:
                process.stdin.write(json.dumps(question | {"folders": folders[known:]}))
                process.stdin.close()
                timer = threading.Timer(SECONDS * (len(folders) - known), process.kill)
                timer.start()
                for line in process.stdout:
                    count += 1
                    yield json.loads(line)
                timer.cancel()
            if count < len(folders) and (process.returncode or count == known):
                log.seek(start)
                reason = last_line(log.read())
                if process.returncode < 0:
                    reason = f"ended by {signal.Signals(-process.returncode).name}"
                count += 1
                yield {"error": reason}


def difference(steps, text):
    """Where a continuation is another one: the number of the token and the gap; nothing if it is the same."""
    for number, (first, second, gap) in enumerate(steps, 1):
        if not text.startswith(first.rstrip("\ufffd")):
            # What ours took may be neither of their two likeliest.
            return number, gap if text.startswith(second.rstrip("\ufffd")) else math.inf
    return (len(steps) + 1, math.inf) if steps and text != steps[-1][0] else None


def compared(answer, own):
    """The cells of a row, and whether it is as it should be."""
    if "error" in answer:
        return ["", "", "", "", answer["error"][:300]], False
    perplexity, tokens, texts = own
    found = math.exp(answer["loss"] / answer["tokens"])
    off = 100 * (found / perplexity - 1)
    places = [difference(*both) for both in zip(answer["continuations"], texts)]
    differing = [place for place in places if place]
    words = [f"token {number}, " + ("not their second" if gap == math.inf else f"gap {gap:.3f}") for number, gap in differing]
    same = f"{len(places) - len(differing)} of {len(places)}"
    isSound = abs(off) < LIMIT and tokens == answer["tokens"] and all(gap <= GAP for _, gap in differing)
    remark = answer["remark"]
    if tokens != answer["tokens"]:
        remark += f" {answer['tokens']} tokens, ours {tokens}"
    return [f"{found:.3f}", f"{perplexity:.3f}", f"{off:+.3f} %", "; ".join([same, *words]), remark], isSound


def main():
    program, path = sys.argv[1:]
    with open(path) as file:
        text = file.read()
    groups = {}
    for line in sys.stdin:
        name, runtime, interpreter, module, *row = line.rstrip("\n").split("\t")
        groups.setdefault((interpreter, module), []).append((name, runtime, *row))
    print("| checkpoint | read by | perplexity | ours | difference | continuations | |\n|---|---|---|---|---|---|---|")
    own, isSound = {}, True
    for (interpreter, module), rows in groups.items():
        if interpreter.startswith("!"):
            answers = [{"error": interpreter[1:]}] * len(rows)
        else:
            answers = theirs(interpreter, module, [row[2] for row in rows], text)
        # The answers first: `zip` then runs `theirs` to its end, where it stops its timer.
        for answer, (name, runtime, _, reference, isExpected) in zip(answers, rows):
            try:
                if "error" not in answer and reference not in own:
                    own[reference] = ours(program, reference, path)
                cells, isRight = compared(answer, own.get(reference))
            except RuntimeError as error:
                cells, isRight = ["", "", "", "", str(error)], False
            print("| " + " | ".join([name, runtime, *(cell.replace("|", "\\|") for cell in cells)]) + " |", flush=True)
            isSound &= isRight == (isExpected != "no")
    return not isSound


sys.exit(main())
