"""Making present fixtures anew from the inputs that they hold, and comparing with what they hold besides."""

from pathlib import Path

import torch

from . import family, format, quantization
from .check_tuning import check_tuning
from .comparison import EXACT, Report, Tolerance
from .errors import OracleError
from .storage import FIXTURES, read_checkpoint, read_json, read_tensors
from .tuning import NAME

# What the tests allow, which Tests/Fixtures/README.md explains.
STATES = Tolerance(absolute=3e-5)
LOSS = Tolerance(absolute=5e-6)
FREQUENCIES = Tolerance(relative=2e-6)
BLOCK_GRADIENTS = Tolerance(absolute=1e-8, of_largest=1e-5)
QUANTIZER_GRADIENTS = Tolerance(of_largest=1e-5)
LOGITS = Tolerance(absolute=1e-4)
# An integer between two roundings goes one way or the other by the last bit of a sum, and moves what follows.
LOGITS_OF_INTEGERS = Tolerance(absolute=0.1)

Tensors = dict[str, torch.Tensor]


def check(paths: list[Path]) -> int:
    """Checks the given fixtures, or all that can be made; returns how many comparisons failed."""
    report = Report()
    for path in paths or everything():
        kind = KINDS.get(path.resolve().parent.name)
        if kind is None or not path.exists():
            raise OracleError(f"{path}: expected a fixture that exists, in a folder called {', '.join(KINDS)}")
        kind(path, report)
    print(
        f"{report.failures} problems" if report.failures else "All fixtures were made anew within their tolerances."
    )
    return report.failures


def everything() -> list[Path]:
    index = read_json(FIXTURES / "quant" / "index.json")
    files = [entry["file"] for entry in index if all(isinstance(fields, dict) for fields in entry["cases"].values())]
    return [
        *sorted(path for path in (FIXTURES / "models").iterdir() if path.is_dir()),
        *(FIXTURES / "quant" / file for file in files),
        *sorted(path for path in (FIXTURES / "tuning").glob("*.safetensors") if NAME.fullmatch(path.stem)),
        *sorted(path for path in (FIXTURES / "formats").iterdir() if path.is_dir()),
    ]


def pairs(made: Tensors, kept: Tensors, fits) -> list:
    """What was kept under the names that fit, each beside what was made."""
    return [(name, made.get(name), tensor) for name, tensor in kept.items() if fits(name)]


def check_family(folder: Path, report: Report) -> None:
    kept = read_tensors(folder / "oracle.safetensors")
    for spelling in ("config.json", "config_hub.json"):
        model = family.load(folder, family.configuration(folder / spelling))
        made = family.forward_oracle(model, kept["input_ids"])
        what = f"models/{folder.name} by {spelling}"
        report.names(what, made, kept)
        report.compare(f"{what}, hidden states", pairs(made, kept, lambda n: n.startswith("hidden_states")), STATES)
        report.compare(f"{what}, logits", pairs(made, kept, lambda n: n == "logits"), STATES)
        report.compare(f"{what}, loss", pairs(made, kept, lambda n: n == "loss"), LOSS)
        if any(name.startswith("rope.") for name in kept):
            report.compare(f"{what}, rotary", pairs(made, kept, lambda n: n.startswith("rope.")), FREQUENCIES)
    file = folder / "block_grad.safetensors"
    if file.is_file():
        kept_gradients = read_tensors(file)
        made = family.gradient_oracle(model, kept["input_ids"], kept_gradients["x"], kept_gradients["target"])
        what = f"models/{folder.name}, block 0"
        report.names(what, made, kept_gradients)
        report.compare(f"{what}, output", pairs(made, kept_gradients, lambda n: n == "output"), STATES)
        report.compare(f"{what}, loss", pairs(made, kept_gradients, lambda n: n == "loss"), LOSS)
        report.compare(
            f"{what}, gradients", pairs(made, kept_gradients, lambda n: n.startswith("grad.")), BLOCK_GRADIENTS
        )


def check_quantization(file: Path, report: Report) -> None:
    kept = read_tensors(file)
    cases = quantization.cases_of(read_json(file.with_name("index.json")), file)
    inputs = quantization.inputs_among(kept)
    outputs, facts = quantization.quantize(cases, inputs)
    made = inputs | outputs
    wrong = [case for case, fields in cases.items() if not facts[case].items() <= fields.items()]
    what = f"quant/{file.name}"
    report.names(what, made, kept)
    report.equal(f"{what}, fields in index.json", wrong, [])
    report.compare(
        f"{what}, numbers and scales", pairs(made, kept, lambda n: n not in inputs and ".d_" not in n), EXACT
    )
    report.compare(f"{what}, gradients", pairs(made, kept, lambda n: ".d_" in n), QUANTIZER_GRADIENTS)


def check_format(folder: Path, report: Report) -> None:
    kept, kept_file = read_tensors(folder / "expected.safetensors"), read_checkpoint(folder)
    configuration = read_json(folder / "config.json")["quantization_config"]
    model = format.load(folder)
    made = format.expected(model, kept["input_ids"])
    what = f"formats/{folder.name}"
    report.compare(f"{what}, logits", pairs(made, kept, lambda n: n == "logits"), LOGITS)
    if any(name.startswith("dequant.") for name in kept):
        report.compare(f"{what}, decoded weights", pairs(made, kept, lambda n: n.startswith("dequant.")), EXACT)
    if "logits_act_quant_seq0" in kept:
        limit = LOGITS_OF_INTEGERS if configuration["format"] == "int-quantized" else LOGITS
        report.compare(
            f"{what}, logits with quantized activations",
            pairs(made, kept, lambda n: n == "logits_act_quant_seq0"),
            limit,
        )
    encoded, made_configuration = format.encode_again(model)
    # A tensor that LLM Compressor leaves behind by mistake is no part of the format.
    report.compare(
        f"{what}, encoded again", pairs(encoded, kept_file, lambda n: not n.endswith(".act_max_scale")), EXACT
    )
    for config, source in (
        (made_configuration, "its layers"),
        (format.configuration_of(folder / "recipe.yaml"), "recipe.yaml"),
    ):
        different = sorted(key for key, value in config.items() if configuration.get(key) != value)
        report.equal(f"{what}, quantization_config by {source}", different, [])


KINDS = {"models": check_family, "quant": check_quantization, "tuning": check_tuning, "formats": check_format}
