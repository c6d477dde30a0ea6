"""The simulation study: many nations, each analysed whole, kept as they are finished.

    python -m tests.coverage.simulation --nations 200 --workers 2 --to FOLDER

keeps one file a nation in FOLDER, goes on where it was interrupted, and writes FOLDER/coverage.md.
"""

import argparse
import json
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.coverage.nations import MULTIPLIER, STUDY, TRIAL, estimates, unconfounded
from tests.coverage.summary import page, summarised, truths

TRUTH_PERSONS = 2_400_000
Rows = list[dict[str, Any]]


def simulate(nations: int, to: Path, workers: int = 1) -> list[Rows]:
    """The estimates of nations with the seeds 1, 2, …; those that lie in `to` are read."""
    to.mkdir(parents=True, exist_ok=True)
    missing = [(seed, to) for seed in range(1, nations + 1) if not _place(to, seed).exists()]
    if workers == 1:
        for given in missing:
            _kept(given)
    else:
        with get_context("spawn").Pool(workers) as pool:
            for seed in pool.imap_unordered(_kept, missing):
                print(f"nation {seed}", flush=True)
    return [json.loads(_place(to, seed).read_text(encoding="utf-8")) for seed in range(1, nations + 1)]


def _place(to: Path, seed: int) -> Path:
    return to / f"{seed}.json"


def _kept(given: tuple[int, Path]) -> int:
    seed, to = given
    place = _place(to, seed)
    part = place.with_suffix(".part")
    part.write_text(json.dumps(estimates(unconfounded(), seed, STUDY, TRIAL)), encoding="utf-8")
    part.replace(place)
    return seed


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=200)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--to", type=Path, required=True)
    given = of.parse_args(arguments)
    found = simulate(given.nations, given.to, given.workers)
    summary = summarised(found, truths(unconfounded(), MULTIPLIER, TRUTH_PERSONS))
    (given.to / "coverage.md").write_text(page(summary, given.nations), encoding="utf-8")


if __name__ == "__main__":
    main()
