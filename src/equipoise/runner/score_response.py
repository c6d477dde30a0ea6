"""The step that relates the graded score of the drugs used to the outcome: hazard ratios per point and by category."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.data.source import Source
from equipoise.design.graded_use import SCORE
from equipoise.errors import Reason
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.cox_fit import CoxFit
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import ratio_numbers
from equipoise.runner.follow_up_protocol import read_follow_up
from equipoise.runner.layers import ADJUSTED, CRUDE
from equipoise.runner.missing_values import ADJUSTED_FOR, complete_rows
from equipoise.runner.packing import unpack_analysis_set
from equipoise.runner.risks import outcome_only
from equipoise.spec.score import Score

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
Category = tuple[float, float | None]  # from, and below


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of `score_response`: crude, and with the covariates in the model, of persons who have them all."""
    protocol = read_follow_up(subset)
    assert protocol.design.score is not None
    people = outcome_only(unpack_analysis_set(inputs["analysis_set"]))
    covariates = [column.name for column in people.columns if column.role in ADJUSTED_FOR]
    layers: list[tuple[str, AnalysisSet, list[str]]] = [(CRUDE, people, [])]
    if covariates:
        layers.append((ADJUSTED, people.where(complete_rows(people)), covariates))
    rows: list[Row] = []
    for label, persons, names in layers:
        key = protocol.key(subset["id"]) | {"combined_by": protocol.design.score.combine, "adjustment": label}
        made = _Response(persons, names, subset["estimator"]["ties"], subset["conf_level"])
        found = [made.trend(), *made.categories(protocol.design.score)]
        rows += [key | {"position": position} | row for position, row in enumerate(found, start=1)]
    return Artifact({}, {"score_response": rows})


class _Response:
    """The models of one way of adjustment."""

    def __init__(self, people: AnalysisSet, covariates: list[str], ties: Any, conf_level: float):
        self.people, self.covariates, self.ties, self.conf_level = people, covariates, ties, conf_level
        self.score, self.events = people.column(SCORE), people.event == 1

    def trend(self) -> Row:
        """The hazard ratio of one more point."""
        row = {"kind": "trend", "level": "one point more", "reference_level": "one point less"}
        return row | self._counts(np.ones(len(self.people), dtype=bool)) | self._ratios([self.score])[0]

    def categories(self, scale: Score) -> Iterator[Row]:
        """Hazard ratios of the categories against the lowest, which has a row without a ratio."""
        cut_points = scale.cut_points
        if not cut_points:
            return
        spans: list[Category] = [*pairwise((0.0, *cut_points)), (cut_points[-1], None)]
        inside = [(self.score >= low) & (True if high is None else self.score < high) for low, high in spans]
        found = [{"reason": None}, *self._ratios([group.astype(np.float64) for group in inside[1:]])]
        for span, group, numbers in zip(spans, inside, found, strict=True):
            row = {"kind": "category", "level": _words(span, scale), "reference_level": _words(spans[0], scale)}
            yield row | {"score_from": span[0], "score_below": span[1]} | self._counts(group) | numbers

    def _counts(self, group: np.ndarray) -> Row:
        return {"n_persons": int(group.sum()), "n_events": int((group & self.events).sum())}

    def _ratios(self, columns: list[np.ndarray]) -> list[Row]:
        """One set of numbers a column, from one model with all of them and the covariates."""
        if not self.events.any():
            return [{"reason": Reason.NO_EVENTS}] * len(columns)
        names = [f"{SCORE} {i}" for i in range(len(columns))]
        fit = self._fit(dict(zip(names, columns, strict=True)))
        return [ratio_numbers(fit.estimate(name)) for name in names]

    def _fit(self, own: dict[str, np.ndarray]) -> CoxFit:
        adjusted = self.people.select(self.covariates)
        columns = (*(Column(name, "exposure") for name in own), *adjusted.columns)
        rows = replace(adjusted, x=np.column_stack([*own.values(), adjusted.x]), columns=columns)
        return fit_cox(rows, ties=self.ties, conf_level=self.conf_level)


def _words(span: Category, scale: Score) -> str:
    low, high = span
    if scale.combine == "highest" and not scale.categories_from:
        return f"{low:g}"  # each score is a category
    return f"{low:g} and above" if high is None else f"{low:g} to below {high:g}"
