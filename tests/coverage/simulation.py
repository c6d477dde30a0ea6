"""The simulation study: many nations, each analysed whole, kept as they are finished.

    python -m tests.coverage.simulation --nations 200 --workers 2 --to FOLDER [--trial 0.6]

keeps one file a nation in FOLDER, goes on where it was interrupted, and writes FOLDER/coverage.md. With --trial the
target trial is run in place of the other analyses, and drugs that suppress REM sleep have this hazard ratio of death.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.coverage.nations import MULTIPLIER, STUDY, TRIAL, Rows, estimates, unconfounded
from tests.coverage.summary import page, summarised, truths

TRUTH_PERSONS = 1_200_000


def of_nation(seed: int) -> Rows:
    """What the study of this folder finds in the nation with this seed."""
    return estimates(unconfounded(), seed, STUDY)


def of_trial(effect: float, seed: int) -> Rows:
    """What the target trial of this folder finds in the nation with this seed and this effect."""
    return estimates(unconfounded(effect), seed, TRIAL)


def simulate(nations: int, to: Path, workers: int = 1, found: Callable[[int], Rows] = of_nation) -> list[Rows]:
    """The estimates of nations with the seeds 1, 2, …; those that lie in `to` are read."""
    to.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in range(1, nations + 1) if not _place(to, seed).exists()]
    kept = partial(_kept, to, found)
    if workers == 1:
        for seed in missing:
            kept(seed)
    else:
        with get_context("spawn").Pool(workers) as pool:
            for seed in pool.imap_unordered(kept, missing):
                print(f"nation {seed}", flush=True)
    return [json.loads(_place(to, seed).read_text(encoding="utf-8")) for seed in range(1, nations + 1)]


def _place(to: Path, seed: int) -> Path:
    return to / f"{seed}.json"


def _kept(to: Path, found: Callable[[int], Rows], seed: int) -> int:
    place = _place(to, seed)
    part = place.with_suffix(".part")
    part.write_text(json.dumps(found(seed)), encoding="utf-8")
    part.replace(place)
    return seed


def main(arguments: Sequence[str] | None = None) -> None:
    of = argparse.ArgumentParser(description=__doc__)
    of.add_argument("--nations", type=int, default=200)
    of.add_argument("--workers", type=int, default=1)
    of.add_argument("--to", type=Path, required=True)
    of.add_argument("--trial", type=float)
    given = of.parse_args(arguments)
    of_one = of_nation if given.trial is None else partial(of_trial, given.trial)
    spec = unconfounded() if given.trial is None else unconfounded(given.trial)
    found = simulate(given.nations, given.to, given.workers, of_one)
    summary = summarised(found, truths(spec, MULTIPLIER, TRUTH_PERSONS))
    (given.to / "coverage.md").write_text(page(summary, given.nations), encoding="utf-8")


if __name__ == "__main__":
    main()
