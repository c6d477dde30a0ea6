"""Hazard ratios by graded score: equal to Cox regression by hand, counts that add up, reasons."""

import numpy as np
import pytest

import equipoise as eq
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import Reason
from equipoise.runner.score_response import _Response
from equipoise.spec.score import Score

SCALE = Score.model_validate({"scored": [{"concept_set": "a", "score": 0}, {"concept_set": "b", "score": 2},
                                         {"concept_set": "c", "score": 3}]})  # fmt: skip


def persons(n: int = 600, events: bool = True) -> AnalysisSet:
    rng = np.random.default_rng(3)
    age, score = rng.normal(60, 10, n), rng.choice([0.0, 2.0, 3.0], n)
    time = np.ceil(rng.exponential(300 * np.exp(0.2 * score - 0.02 * (age - 60))))
    return AnalysisSet(
        person=np.arange(n, dtype=np.int64),
        event=((time < 400) & events).astype(np.int8),
        start=np.zeros(n, dtype=np.int32),
        stop=np.minimum(time, 400).astype(np.int32),
        weight=np.ones(n),
        x=np.column_stack([score > 0, age, score]),
        columns=(Column("arm", "exposure"), Column("age", "covariate"), Column("score", "dose")),
        arm=(score > 0).astype(np.int8),
    )


def by_hand(people: AnalysisSet, columns: dict[str, np.ndarray]) -> dict[str, float]:
    frame = {"time": people.stop, "event": people.event} | columns
    fit = eq.fit_cox(frame, time="time", event="event", covariates=list(columns))
    return {name: float(np.exp(fit.estimate(name).estimate)) for name in columns}


@pytest.mark.parametrize("covariates", [[], ["age"]])
def test_ratios_are_those_of_cox_regression_on_the_score_alone(covariates: list[str]) -> None:
    people = persons()
    score, age = people.column("score"), {name: people.column(name) for name in covariates}
    response = _Response(people, covariates, "efron", 0.95)
    assert response.trend()["estimate"] == pytest.approx(by_hand(people, {"score": score} | age)["score"], rel=1e-8)
    found = list(response.categories(SCALE))
    assert [row["level"] for row in found] == ["0", "2", "3"]
    expected = by_hand(people, {"two": (score == 2) * 1.0, "three": (score == 3) * 1.0} | age)
    assert "estimate" not in found[0]
    assert found[1]["estimate"] == pytest.approx(expected["two"], rel=1e-8)
    assert found[2]["estimate"] == pytest.approx(expected["three"], rel=1e-8)
    assert response.trend()["conf_high"] < 1, "the score lengthens life here"


def test_counts_of_categories_add_up_to_those_of_the_trend() -> None:
    response = _Response(persons(), [], "efron", 0.95)
    for name in ("n_persons", "n_events"):
        assert sum(row[name] for row in response.categories(SCALE)) == response.trend()[name]


def test_without_an_event_or_a_difference_there_is_a_reason() -> None:
    silent = _Response(persons(events=False), [], "efron", 0.95)
    assert silent.trend()["reason"] is Reason.NO_EVENTS
    alike = persons()
    same = _Response(alike.where(alike.column("score") == 2), [], "efron", 0.95)
    assert same.trend()["reason"] is Reason.CONSTANT


def test_cut_points_make_categories_of_their_own() -> None:
    scale = SCALE.model_copy(update={"combine": "sum", "categories_from": (1.0, 3.0)})
    levels = [row["level"] for row in _Response(persons(), [], "efron", 0.95).categories(scale)]
    assert levels == ["0 to below 1", "1 to below 3", "3 and above"]
