"""The table of a calibration, as CSV for programs and as Markdown for readers."""

import csv
import io
import math
from itertools import groupby
from pathlib import Path

from equipoise.errors import Fault, OutputError
from equipoise.runner.calibration import BLOCK_PERSONS, AnchorResult, NationCalibration
from equipoise.simulate.anchors import absent

COLUMNS = (
    "group", "anchor", "quantity", "source", "status", "required", "scale", "target", "tolerance", "tolerance_is",
    "simulated", "deviation", "mc_error", "within", "mc_error_within_quarter", "arrow",
)  # fmt: skip


def write_calibration(calibration: NationCalibration, directory: str | Path) -> tuple[Path, Path]:
    """Write `calibration.csv` and `calibration.md` into a folder; returns their places.

    Raises `OutputError` where they cannot be written.
    """
    folder = Path(directory)
    places = folder / "calibration.csv", folder / "calibration.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place, text in zip(places, (csv_text(calibration), markdown(calibration)), strict=True):
            place.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(Fault(str(folder), error.strerror or "cannot be written", "a folder")) from None
    return places


def csv_text(calibration: NationCalibration) -> str:
    """One row an anchor; numbers in full, tolerance, deviation and Monte Carlo error on the stated scale."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in calibration.results:
        anchor = result.anchor
        writer.writerow(
            [anchor.group, anchor.name, anchor.quantity, anchor.source, anchor.status, str(anchor.required).lower(),
             anchor.scale, anchor.target, anchor.tolerance, anchor.reason, repr(result.simulated),
             repr(result.deviation), repr(result.mc_error), str(result.within).lower(), str(result.precise).lower(),
             anchor.arrow]
        )  # fmt: skip
    return text.getvalue()


def markdown(calibration: NationCalibration) -> str:
    """The same for readers, a table a group, then what the nation has no counterpart of."""
    n = len(calibration.results)
    required = [result for result in calibration.results if result.anchor.required]
    met = sum(result.within for result in required)
    lines = [
        f"{calibration.seeds} nations (seeds 1 to {calibration.seeds}) of {calibration.blocks * BLOCK_PERSONS:,} "
        f"persons, ALS {calibration.multiplier:g} times as frequent; counts and incidence are weighted back. "
        f"{n - len(calibration.missed)} of {n} anchors lie within their tolerance, {met} of the {len(required)} "
        "required ones (bold). Tolerance and Monte Carlo error (MC) of ratios are on the log scale.",
    ]
    for group, results in groupby(calibration.results, key=lambda result: result.anchor.group):
        lines += ["", f"### {group}", "", "| anchor | source | target | ± | simulated | MC | within | carried by |"]
        lines += ["|---|---|---|---|---|---|---|---|", *(_row(result) for result in results)]
    lines += ["", "### Without a counterpart in the nation", ""]
    lines += [f"- {quantity}: {reason}." for quantity, reason in absent()]
    return "\n".join(lines) + "\n"


def _row(result: AnchorResult) -> str:
    anchor = result.anchor
    name = f"**{anchor.quantity}**" if anchor.required else anchor.quantity
    within = ("yes" if result.within else "**no**") + ("" if result.precise else " (MC above a quarter)")
    cells = [
        name, f"{anchor.source} ({anchor.status})", _number(anchor.target),
        f"{_number(anchor.tolerance)} {_scale(result)}",
        _number(result.simulated), _number(result.mc_error), within, anchor.arrow,
    ]  # fmt: skip
    return "| " + " | ".join(cell.strip() for cell in cells) + " |"


def _scale(result: AnchorResult) -> str:
    return "(log)" if result.anchor.scale == "log" else ""


def _number(value: float) -> str:
    """Three digits that count, and every digit of the integer part.

    >>> _number(1057.0), _number(0.0425), _number(17.34)
    ('1057', '0.0425', '17.3')
    """
    if not math.isfinite(value):
        return "not estimable"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
