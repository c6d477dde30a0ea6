"""A nation held against every published anchor: `calibrate_nation`."""

import hashlib
import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from equipoise import __version__
from equipoise.errors import DesignError, Fault, OutputError
from equipoise.runner.calibration_statistics import Values, nation_statistics
from equipoise.simulate.anchor_sample import draw_sample, joined
from equipoise.simulate.anchors import Anchor, anchors
from equipoise.simulate.block import Place
from equipoise.simulate.nation_spec import NationSpec

BLOCK_PERSONS = 20_000
BLOCKS = 140  # so that every Monte Carlo error is at most a quarter of its tolerance
MULTIPLIER = 60.0
SEEDS = 24
WORKERS = 2
LEAST_BLOCKS = 2
MC_SHARE = 0.25  # of the tolerance, which Monte Carlo errors may reach
KEPT = "seeds"  # folder of the statistics of finished seeds


@dataclass(frozen=True, slots=True)
class AnchorResult:
    """One anchor and what the simulated nations have: mean and Monte Carlo error over seeds.

    simulated   the mean, taken on the anchor's scale and given on that of its target; nan where a seed had no value
    mc_error    standard error of the mean over seeds, on the anchor's scale
    """

    anchor: Anchor
    simulated: float
    mc_error: float

    @property
    def deviation(self) -> float:
        """Simulated less target, on the anchor's scale."""
        return self.anchor.on_scale(self.simulated) - self.anchor.on_scale(self.anchor.target)

    @property
    def within(self) -> bool:
        return abs(self.deviation) <= self.anchor.tolerance

    @property
    def precise(self) -> bool:
        """Whether the Monte Carlo error is at most a quarter of the tolerance."""
        return self.mc_error <= MC_SHARE * self.anchor.tolerance


@dataclass(frozen=True, slots=True)
class NationCalibration:
    """Every anchor's result, and the nations behind them: seeds, blocks of 20,000 persons each, enrichment."""

    results: tuple[AnchorResult, ...]
    seeds: int
    blocks: int
    multiplier: float

    def __getitem__(self, name: str) -> AnchorResult:
        return next(result for result in self.results if result.anchor.name == name)

    @property
    def missed(self) -> tuple[AnchorResult, ...]:
        """Results outside their tolerance."""
        return tuple(result for result in self.results if not result.within)

    def __repr__(self) -> str:
        missed = ", ".join(result.anchor.name for result in self.missed) or "none"
        return (
            f"{len(self.results)} anchors, {self.seeds} nations of {self.blocks * BLOCK_PERSONS:,} persons, ALS "
            f"{self.multiplier:g} times as frequent\noutside their tolerance: {missed}"
        )


def calibrate_nation(
    spec: NationSpec | None = None,
    *,
    seeds: int = SEEDS,
    blocks: int = BLOCKS,
    multiplier: float = MULTIPLIER,
    to: str | Path | None = None,
    workers: int = WORKERS,
    progress: Callable[[int, int], None] | None = None,
) -> NationCalibration:
    """Compare nations with the published figures that the synthetic nation is meant to reproduce.

    spec        parameters of the nation (default: the default nation)
    seeds       how many nations are drawn, with the seeds 1, 2, …
    blocks      blocks of 20,000 persons of each; they stay in memory, nothing is written as a database
    multiplier  enrichment with ALS, which makes Monte Carlo errors small; counts and incidence are weighted back
    to          a folder in which the statistics of each finished seed are kept, so that an interrupted comparison goes
                on where it was; another spec, size, enrichment or version starts anew
    workers     threads that draw blocks
    progress    is told how many seeds of how many are done

    Returns a `NationCalibration`: for each anchor the mean over seeds, its Monte Carlo error and whether it lies within
    the tolerance. Means and errors of ratios are on the log scale. Raises `DesignError` for numbers that cannot be
    used, `OutputError` for a folder that cannot be written.

    >>> small = calibrate_nation(seeds=2, blocks=2)
    >>> small["male"].anchor.target
    53.1
    """
    _check(seeds, blocks, multiplier, workers)
    nation = spec or NationSpec()
    kept = _Kept(to, _key(nation, blocks, multiplier)) if to is not None else None
    found = []
    for seed in range(1, seeds + 1):
        values = kept.read(seed) if kept else None
        if values is None:
            values = _one_nation(nation, seed, blocks, multiplier, workers)
            if kept:
                kept.write(seed, values)
        found.append(values)
        if progress:
            progress(seed, seeds)
    return NationCalibration(tuple(summarised(anchor, found) for anchor in anchors()), seeds, blocks, multiplier)


def summarised(anchor: Anchor, nations: list[Values]) -> AnchorResult:
    """The anchor's statistic over several nations.

    >>> from equipoise.simulate.anchors import anchors
    >>> sex = next(anchor for anchor in anchors() if anchor.name == "male")
    >>> found = summarised(sex, [{"male": 52.0}, {"male": 54.0}])
    >>> found.simulated, found.mc_error, found.within
    (53.0, 1.0, True)
    """
    values = np.array([anchor.on_scale(nation[anchor.name]) for nation in nations])
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    return AnchorResult(anchor, math.exp(mean) if anchor.scale == "log" else mean, error)


def _one_nation(spec: NationSpec, seed: int, blocks: int, multiplier: float, workers: int) -> Values:
    places = [Place(seed, number, number * BLOCK_PERSONS + 1, BLOCK_PERSONS) for number in range(blocks)]
    with ThreadPoolExecutor(workers, thread_name_prefix="nation") as pool:
        samples = list(pool.map(lambda place: draw_sample(spec, place, multiplier), places))
    return nation_statistics(joined(samples))


def _key(spec: NationSpec, blocks: int, multiplier: float) -> str:
    """What the statistics of a seed depend on."""
    told: dict[str, Any] = {"version": __version__, "nation": spec.model_dump(mode="json")}
    told |= {"blocks": blocks, "multiplier": multiplier}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class _Kept:
    """Statistics of finished seeds, one small file each."""

    def __init__(self, directory: str | Path, key: str):
        self.folder, self.key = Path(directory) / KEPT, key
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(Fault(str(directory), error.strerror or "cannot be written", "a folder")) from None

    def _place(self, seed: int) -> Path:
        return self.folder / f"{seed}.json"

    def read(self, seed: int) -> Values | None:
        try:
            found = json.loads(self._place(seed).read_text(encoding="utf-8"))
            return dict(found["statistics"]) if found["key"] == self.key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, seed: int, values: Values) -> None:
        unfinished = self._place(seed).with_suffix(".part")
        try:
            unfinished.write_text(json.dumps({"key": self.key, "statistics": values}, indent=1), encoding="utf-8")
            os.replace(unfinished, self._place(seed))
        except OSError as error:
            raise OutputError(Fault(str(self.folder), error.strerror or "cannot be written", "a folder")) from None


def _check(seeds: int, blocks: int, multiplier: float, workers: int) -> None:
    limits = {
        "seeds": (seeds, 2, 10_000),
        "blocks": (blocks, LEAST_BLOCKS, 5_000),
        "workers": (workers, 1, 1024),
    }
    faults = [
        Fault(name, repr(value), f"a whole number from {least} to {most}")
        for name, (value, least, most) in limits.items()
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most
    ]
    if isinstance(multiplier, bool) or not isinstance(multiplier, int | float) or not 0 < multiplier <= 1000:
        faults.append(Fault("multiplier", repr(multiplier), "a number above 0 and at most 1000"))
    if faults:
        raise DesignError(faults)
