"""Comparing tensors as Tests/TestSupport/Closeness.swift does, and reporting the largest differences."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Tolerance:
    """How far an element may be from what is expected: the sum of three allowances."""

    absolute: float = 0
    relative: float = 0  # a share of the expected element's magnitude
    of_largest: float = 0  # a share of the largest expected magnitude
    exceptions: float = 0  # the share of elements that may be farther away: one that lies between two roundings

    def __str__(self) -> str:
        parts = [
            f"{value:g}{what}"
            for value, what in (
                (self.absolute, ""),
                (self.relative, " of each"),
                (self.of_largest, " of the largest"),
            )
            if value
        ]
        text = " + ".join(parts) or "none"
        return text + (f" but for {self.exceptions:.1%}" if self.exceptions else "")


EXACT = Tolerance()


class Report:
    """Collects comparisons under headings, and prints one line for each."""

    def __init__(self) -> None:
        self.failures = 0

    def compare(
        self, what: str, pairs: Iterable[tuple[str, torch.Tensor | None, torch.Tensor]], tolerance: Tolerance
    ) -> None:
        """Compares (name, made, kept) and prints the largest difference; comparing nothing is a failure."""
        count, largest, farther, problems = 0, 0.0, 0.0, []
        for name, made, kept in pairs:
            count += 1
            if made is None or made.shape != kept.shape or made.dtype != kept.dtype:
                found = "nothing" if made is None else f"{made.dtype} {list(made.shape)}"
                problems.append(f"{name}: made {found}, expected {kept.dtype} {list(kept.shape)}")
                continue
            difference, misses = _difference(made, kept, tolerance)
            largest = max(largest, difference)
            farther = max(farther, misses / max(kept.numel(), 1))
            if misses > tolerance.exceptions * kept.numel():
                problems.append(f"{name}: {misses} of {kept.numel()} elements are too far, by up to {difference:.3g}")
        if count == 0:
            problems.append("there was nothing to compare")
        text = f"{count} tensor{'s' * (count != 1)}, largest difference {largest:.3g} (allowed: {tolerance})"
        if tolerance.exceptions:
            text += f"; farther: {farther:.2%}"
        self.line(what, text, problems)

    def names(self, what: str, made: Iterable[str], kept: Iterable[str]) -> None:
        made, kept = set(made), set(kept)
        problems = [f"not made: {name}" for name in sorted(kept - made)] + [
            f"not kept: {name}" for name in sorted(made - kept)
        ]
        self.line(f"{what}, names", f"{len(kept)}", problems)

    def equal(self, what: str, made: object, kept: object) -> None:
        self.line(what, "the same", [] if made == kept else [f"made {made}, expected {kept}"])

    def line(self, what: str, text: str, problems: list[str]) -> None:
        print(f"{'FAILED' if problems else 'ok    '} {what}: {text}", flush=True)
        for problem in problems:
            print(f"         {problem}")
        self.failures += len(problems)


def _difference(made: torch.Tensor, kept: torch.Tensor, tolerance: Tolerance) -> tuple[float, int]:
    """The largest difference, and how many elements exceed their allowance; NaN matches only itself."""
    if made.numel() == 0:
        return 0.0, 0
    made, kept = made.double(), kept.double()
    same = (made == kept) | (made.isnan() & kept.isnan())
    difference = torch.where(same, 0.0, (made - kept).abs().nan_to_num(float("inf"), float("inf")))
    largest = kept[kept.isfinite()].abs().max().item() if kept.isfinite().any() else 0.0
    allowed = tolerance.absolute + tolerance.relative * kept.abs() + tolerance.of_largest * largest
    return difference.max().item(), int((~same & ~(difference <= allowed)).sum())
