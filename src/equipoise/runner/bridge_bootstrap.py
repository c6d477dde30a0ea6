"""The bootstrap of a bridge: persons drawn again, the same ones in every mixture, and every mixture fitted again.

How often a person is drawn is a Poisson number of mean 1 that depends on the seed, the replicate and the person's
identifier alone (Hanley & MacGibbon, Comput Methods Programs Biomed 2006;83:57). So mixtures that share persons share
their draws, whatever order they are computed in, and each mixture is a step that the store keeps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import exp
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.data.source import Source
from equipoise.errors import EquipoiseError
from equipoise.kernels.philox import uniforms
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL
from equipoise.runner.estimate_arms import estimates
from equipoise.runner.follow_up import followed_persons
from equipoise.runner.follow_up_protocol import read_follow_up
from equipoise.runner.packing import pack_analysis_set, unpack_analysis_set, unpack_people
from equipoise.runner.step import Step

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
STREAM = 0x62726467  # "brdg"
RATIOS = ("hazard_ratio", "subdistribution_hazard_ratio")
CRUDE = "crude"
MOST_DRAWS = 12  # times a person can be drawn in one replicate; more has probability 6e-11


def chosen_ratio(rows: Iterable[Row], adjusted: bool) -> Row | None:
    """The hazard ratio that stands for a study: adjusted where it has covariates, of everybody."""
    found = [row for row in rows if row["measure"] in RATIOS and row["subgroup"] == OVERALL]
    # Complete cases that stand beside an imputed estimate come before it.
    return next((row for row in reversed(found) if (row["adjustment"] != CRUDE) == adjusted), None)


def bootstrap_step(fitted: Step, made: Step, adjusted: bool, replicates: int, seed: int) -> Step:
    """The replicates of one mixture, from the step that fits it and the one that makes its rows."""
    assert set(fitted.needs) == {"analysis_set"}, "what else it rests on would have to be drawn again, too"
    subset = fitted.subset | {"adjusted": adjusted, "replicates": replicates, "draws": seed}
    return Step(f"bootstrap of {fitted.name}", "bridge_bootstrap", subset, {**made.needs, **fitted.needs})


def bootstrap(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Log hazard ratios of every replicate, NaN where one has no estimate: float64 (replicates,)."""
    rows = unpack_analysis_set(inputs["analysis_set"])
    people = unpack_people(inputs["people"])
    followed = followed_persons(inputs, read_follow_up(subset), people)
    identifier = people.person_id[followed.arms.person][rows.person]
    values = [_replicate(inputs, rows, identifier, subset, source, draw) for draw in range(subset["replicates"])]
    return Artifact({"log_estimate": np.array(values, dtype=np.float64)})


def _replicate(
    inputs: Inputs, rows: AnalysisSet, identifier: np.ndarray, subset: Any, source: Source, draw: int
) -> float:
    drawn = resampled(rows, poisson_counts(uniforms(subset["draws"], STREAM, identifier, draw)))
    others = {role: inputs[role] for role in inputs if role != "analysis_set"}
    try:
        made = estimates(others | {"analysis_set": pack_analysis_set(drawn)}, subset, source)
    except EquipoiseError:
        return np.nan
    row = chosen_ratio(made.values["estimates"], subset["adjusted"])
    return np.nan if row is None or row["log_estimate"] is None else float(row["log_estimate"])


def poisson_counts(uniform: np.ndarray) -> np.ndarray:
    """Poisson numbers of mean 1 by inversion: int64, as many as numbers in (0, 1).

    >>> poisson_counts(np.array([0.1, 0.5, 0.8, 0.95, 0.99])).tolist()
    [0, 1, 2, 3, 4]
    """
    factorials = np.cumprod(np.maximum(np.arange(MOST_DRAWS), 1))
    return np.searchsorted(np.cumsum(exp(-1.0) / factorials), uniform)


def resampled(rows: AnalysisSet, counts: np.ndarray) -> AnalysisSet:
    """Every row as often as counted; copies of a person are persons of their own."""
    at = np.repeat(np.arange(len(rows)), counts)
    copy = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    person = rows.person[at] * (MOST_DRAWS + 1) + copy
    return replace(rows.where(at), person=np.unique(person, return_inverse=True)[1].astype(np.int64))
