"""The command line of the fixtures' makers."""

import argparse
import os
import sys
import warnings
from pathlib import Path

from .errors import OracleError

# The reference systems talk about themselves; what they refuse reaches us as errors.
os.environ.update(
    TQDM_DISABLE="1",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    TRANSFORMERS_VERBOSITY="error",
    AR_LOG_LEVEL="ERROR",
)
warnings.filterwarnings("ignore")

DESCRIPTION = """\
Makes test fixtures with the reference systems, and checks the present ones. A fixture starts as the one file that
describes it, in its place below Tests/Fixtures; everything else is made from that. README.md beside this program has
an example of each kind."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="Tools/Oracles/run", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, description: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=summary, description=description)
        if name != "check":
            found.add_argument("--seed", type=int, default=0, help="of all that is drawn; 0 unless given")
        return found

    family = command(
        "family",
        "a tiny model of a family, by transformers",
        "FOLDER holds config_hub.json, a tiny configuration as published models of the family spell it. Adds "
        "config.json, weights, oracle.safetensors (hidden states, logits, loss, rotary frequencies) and "
        "block_grad.safetensors.",
    )
    family.add_argument("folder", type=Path, metavar="FOLDER", help="for example Tests/Fixtures/models/granite")
    family.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="of the weights that are drawn"
    )
    family.add_argument("--shard-size", default="1GB", metavar="SIZE", help="splits larger weights over files; 100KB")
    family.add_argument("--without-gradients", action="store_true", help="leaves block_grad.safetensors out")

    case = command(
        "quantization",
        "fake quantization and its gradients, by auto_round",
        "FILE is named in the index.json beside it, with the fields of its cases. Draws inputs, or takes those "
        "that FILE holds, and writes what auto_round makes of them.",
    )
    case.add_argument("file", type=Path, metavar="FILE", help="for example Tests/Fixtures/quant/int_g64.safetensors")
    case.add_argument("--rows", type=int, default=8, help="of a weight that is drawn; 8 unless given")
    case.add_argument("--columns", type=int, default=256, help="256 unless given")

    run = command(
        "tuning",
        "a tuning run of a block, by auto_round",
        "Tunes the block of the block.safetensors beside FILE, whose name says how: w3_g32_asym; _s32 for scales in "
        "float32, _mask for losses of valid tokens alone, _accum2 for two batches in a step.",
    )
    run.add_argument(
        "file", type=Path, metavar="FILE", help="for example Tests/Fixtures/tuning/w3_g32_asym.safetensors"
    )
    run.add_argument("--iterations", type=int, default=20, help="20 unless given")
    run.add_argument("--rate", type=float, help="learning rate at the start; 1 / iterations unless given")

    kind = command(
        "format",
        "a quantized checkpoint, by compressed-tensors",
        "FOLDER holds recipe.yaml, with an AutoRoundModifier. Adds a checkpoint of a tiny model in that scheme, "
        "rounded to nearest, and expected.safetensors (logits, rows of decoded weights).",
    )
    kind.add_argument("folder", type=Path, metavar="FOLDER", help="for example Tests/Fixtures/formats/w5a16")

    check = command(
        "check",
        "makes present fixtures anew and compares",
        "Makes fixtures anew from the inputs that they hold, compares with what they hold besides, and prints the "
        "largest difference of each quantity beside what the tests allow. Fails where one is larger.",
    )
    check.add_argument("paths", type=Path, nargs="*", metavar="FIXTURE", help="folders or files; unless given, all")
    return top


def main() -> int:
    arguments = parser().parse_args()
    try:
        # Imports take seconds, which --help need not wait for.
        import torch

        torch.set_num_threads(1)
        if arguments.command == "check":
            from .check import check

            return min(check(arguments.paths), 1)
        if arguments.command == "family":
            from .family import make

            make(
                arguments.folder,
                arguments.seed,
                getattr(torch, arguments.dtype),
                arguments.shard_size,
                not arguments.without_gradients,
            )
        elif arguments.command == "quantization":
            from .quantization import make

            make(arguments.file, arguments.rows, arguments.columns, arguments.seed)
        elif arguments.command == "tuning":
            from .tuning import make

            make(arguments.file, arguments.iterations, arguments.rate, arguments.seed)
        else:
            from .format import make

            make(arguments.folder, arguments.seed)
    except OracleError as error:
        print(f"oracles: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
