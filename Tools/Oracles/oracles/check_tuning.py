"""Making a tuning run anew: closely where it starts, statistically where signed descent has become chaotic.

What a run found best is applied once more besides, which is independent of the chaos.
"""

from pathlib import Path

import torch

from . import tuning
from .comparison import EXACT, Report, Tolerance
from .storage import read_tensors

START = Tolerance(relative=1e-5)
LATER = Tolerance(relative=0.1)
BEST = Tolerance(relative=0.05)
# The reference rounds sums of f16 terms; on the border between two of them, another order gives the neighbour.
RANGE_GRADIENTS = Tolerance(of_largest=1e-4, exceptions=0.02)
OFFSET_GRADIENTS = Tolerance(of_largest=1e-4)
STEPPED_RANGES = Tolerance(absolute=1e-6, exceptions=0.01)
STEPPED_SIGNS = Tolerance(exceptions=0.001)
INTEGERS = Tolerance(exceptions=0.03)
INTEGERS_OF_SUMMED_STEPS = Tolerance(exceptions=0.05)
OUTPUT = Tolerance(absolute=1e-5)


def check_tuning(file: Path, report: Report) -> None:
    variant, kept = tuning.Variant.of(file), read_tensors(file)
    inputs = read_tensors(file.with_name("block.safetensors"))
    what = f"tuning/{file.name}"

    def compare(part: str, pairs: list, tolerance: Tolerance) -> None:
        report.compare(f"{what}, {part}", pairs, tolerance)

    targets = tuning.targets_of(inputs, variant)
    compare("targets", [("ref_output_first4", targets[:4], inputs["ref_output_first4"])], OUTPUT)
    made = tuning.tune(variant, inputs, kept["batches"], kept["lr"][0].item())
    report.names(what, made.keys() & kept.keys(), kept)
    compare("rates", [("lr", made["lr"], kept["lr"])], EXACT)
    compare("first loss", [("loss", made["loss"][:1], kept["loss"][:1])], START)
    compare("all losses", [("loss", made["loss"], kept["loss"])], LATER)
    compare("best loss", [("loss", made["loss"].min(), kept["loss"].min())], BEST)

    for part, fits, tolerance in (
        ("first gradients of ranges", lambda n: n.startswith("grad0.") and n.endswith("_scale"), RANGE_GRADIENTS),
        ("first gradients of offsets", lambda n: n.startswith("grad0.") and ".value" in n, OFFSET_GRADIENTS),
        ("ranges after a step", lambda n: n.startswith("after1.") and n.endswith("_scale"), STEPPED_RANGES),
        ("offsets after a step", lambda n: n.startswith("after1.") and n.endswith("value_sign"), STEPPED_SIGNS),
    ):
        if any(map(fits, kept)):
            compare(part, [(name, made[name], tensor) for name, tensor in kept.items() if fits(name)], tolerance)

    best: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in kept.items():
        if name.startswith("best.") and name.endswith((".value", ".min_scale", ".max_scale")):
            layer, key = name.removeprefix("best.").rsplit(".", 1)
            best.setdefault(layer, {})[key] = tensor
    applied = tuning.result_of(tuning.with_parameters(variant, inputs, best), inputs, variant)
    # Integers need the offsets, which a fixture may have left out.
    complete = all("value" in layer for layer in best.values())
    exact = ("scale", "zp", "int") if complete else ("scale", "zp")
    if not complete:
        compare(
            "integers of the run",
            [(name, made[name], tensor) for name, tensor in kept.items() if name.endswith(".int")],
            INTEGERS if variant.steps == 1 else INTEGERS_OF_SUMMED_STEPS,
        )
    compare(
        "scales and integers of the best parameters" if complete else "scales of the best parameters",
        [
            (name, applied[name], tensor)
            for name, tensor in kept.items()
            if name.startswith("best.") and name.rsplit(".", 1)[1] in exact
        ],
        EXACT,
    )
    if "quantized_output" in kept:
        compare(
            "output with the best parameters", [("", applied["quantized_output"], kept["quantized_output"])], OUTPUT
        )
