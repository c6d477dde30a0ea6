"""The mixtures of two studies, run when they are asked for; what they share is computed once, and kept in the store."""

import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np

from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.results.bridge_tables import NOTHING
from equipoise.results.tables import schema_of
from equipoise.runner.artifact import Artifact
from equipoise.runner.bridge_bootstrap import bootstrap_step, chosen_ratio
from equipoise.runner.bridge_truth import MixtureTruth
from equipoise.runner.follow_up_steps import set_name
from equipoise.runner.progress import Progress, Silent
from equipoise.runner.step import Step
from equipoise.runner.steps import study_steps
from equipoise.runner.store import Store
from equipoise.runner.walk import Walk
from equipoise.spec.elements import MIXED, Comparison
from equipoise.spec.study import Study

Row = dict[str, Any]
SHARED = ("people", "records")
RECENT = 32  # artefacts that stay open between mixtures
NO_ESTIMATE = "the estimator has no hazard ratio with this adjustment"


class Mixtures:
    """The rows of `bridge_steps` by number of the mixture, each run once. Used as a context, which shows progress."""

    def __init__(self, comparison: Comparison, sources: tuple[Source, Source], store: Store, seed: int, expected: int,
                 progress: Progress, truth: MixtureTruth | None = None):  # fmt: skip
        self.comparison, self.seed, self.expected, self.progress = comparison, seed, expected, progress
        self.truth = truth
        shelf = _OpenShelf(store)
        one = Walk(sources[0], shelf, Silent())
        self._walks = (one, one if sources[1] is sources[0] else Walk(sources[1], shelf, Silent()))
        self.rows: dict[int, Row] = {}
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> "Mixtures":
        self.progress.start(self.expected)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:  # fmt: skip
        self.progress.finish()

    def row(self, number: int) -> Row:
        """One mixture: its estimate, or the reason for its absence."""
        if number not in self.rows:
            began = time.perf_counter()
            name = self.switched(number)
            self.progress.begin(f"from B: {name}")
            self.rows[number] = {"switched": name} | self._made(number)
            self.seconds[name] = time.perf_counter() - began
            self.progress.step(name, "computed")
        return self.rows[number]

    def replicates(self, number: int, size: int) -> np.ndarray:
        """Log hazard ratios of one mixture with persons drawn again: float64 (size,), NaN without an estimate."""
        study = self.comparison.mixture(number).study
        assert study is not None  # it has an estimate
        walk, (analysis,) = self._walks[self._is_view_of_b(number)], study.analyses
        assert analysis.follow_up is not None
        (target,) = analysis.follow_up.target
        self.progress.begin(f"bootstrap, from B: {self.switched(number)}")
        steps = {step.name: step for step in study_steps(study, self.seed, MIXED)}
        fitted, made = steps[f"estimates of {MIXED}: {target}"], steps[set_name(MIXED, target)]
        drawn = bootstrap_step(fitted, made, bool(analysis.adjust_for), size, self.seed)
        walk.run(step for step in (*_needed(steps.values(), {fitted.name, made.name}), drawn)
                 if step.kind not in SHARED or step.name not in walk.digests)  # fmt: skip
        self.progress.step(f"bootstrap, {self.switched(number)}", walk.states[drawn.name])
        return np.asarray(walk.artifact(drawn.name)["log_estimate"])

    def switched(self, number: int) -> str:
        """The elements taken from B, in words of the tables."""
        names = [item.element for i, item in enumerate(self.comparison.differences) if number >> i & 1]
        return ", ".join(names) or NOTHING

    def _made(self, number: int) -> Row:
        mixture = self.comparison.mixture(number)
        if mixture.study is None:
            return {"reason": Reason.NOT_DEFINED, "why_not": mixture.why_not}
        try:
            return self._estimate(mixture.study, self._walks[self._is_view_of_b(number)])
        except (DesignError, UnsupportedError) as error:
            return {"reason": Reason.NOT_DEFINED, "why_not": "; ".join(map(_without_numbers, error.faults))}

    def _is_view_of_b(self, number: int) -> bool:
        return any(item.element == "data_view" and number >> i & 1
                   for i, item in enumerate(self.comparison.differences))  # fmt: skip

    def _estimate(self, study: Study, walk: Walk) -> Row:
        (analysis,) = study.analyses
        assert analysis.follow_up is not None
        (target,) = analysis.follow_up.target
        wanted = f"estimates of {MIXED}: {target}"
        steps = _needed(study_steps(study, self.seed, MIXED), {wanted, set_name(MIXED, target)})
        walk.run(step for step in steps if step.kind not in SHARED or step.name not in walk.digests)
        chosen = chosen_ratio(walk.artifact(wanted).values["estimates"], bool(analysis.adjust_for))
        if chosen is None:
            return {"reason": Reason.NOT_DEFINED, "why_not": NO_ESTIMATE}
        columns = schema_of("bridge_steps").names
        row = {name: value for name, value in chosen.items() if name in columns}
        if self.truth is None or row["reason"] is not None:
            return row
        made = next(step for step in steps if step.name == set_name(MIXED, target))
        return row | self.truth.columns(study, made, walk)


def _without_numbers(fault: Fault) -> str:
    """What a model that met the data cannot do; what it found there may be a count of few persons."""
    found = "cannot be used with this mixture" if re.search(r"\d", fault.found) else fault.found
    return str(replace(fault, found=found))


def _needed(steps: Iterable[Step], wanted: set[str]) -> list[Step]:
    """The steps that the wanted ones rest on, in order."""
    found: list[Step] = []
    for step in reversed(list(steps)):
        if step.name in wanted:
            found.append(step)
            wanted = wanted | set(step.needs.values())
    return found[::-1]


class _OpenShelf:
    """A store whose artefacts used last stay open: mixtures take the same ones again and again."""

    def __init__(self, store: Store):
        self._store = store
        self._open: OrderedDict[str, Artifact] = OrderedDict()

    def digest(self, key: str) -> str | None:
        return self._store.digest(key)

    def load(self, key: str) -> Artifact:
        if key not in self._open:
            self._open[key] = self._store.load(key)
        self._open.move_to_end(key)
        if len(self._open) > RECENT:
            self._open.popitem(last=False)
        return self._open[key]

    def keep(self, key: str, artifact: Artifact) -> str:
        return self._store.keep(key, artifact)
