"""The subdistribution likelihood against its definition, row by row, and its variances against derivatives."""

import numpy as np
import pytest

from equipoise.estimators.fine_gray_problem import FineGrayProblem, FineGrayRows, fine_gray_problem
from equipoise.kernels.cumulative_incidence import incidence_of, tally_causes
from equipoise.kernels.fine_gray_censoring import CRR, FINEGRAY, censoring
from equipoise.kernels.fine_gray_scores import censoring_residuals, score_residuals, squared_pieces
from equipoise.kernels.survival_curve import curve_of, tally

EXACT = 1e-10
NONE = np.empty(0, np.int32)
BETA = np.array([0.4, -0.7])


def made(seed: int, n: int = 40, late: bool = False, weighted: bool = False, groups: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 4, n) if late else np.zeros(n, np.int64)
    if late:
        start[:12] = 0
    return {
        "x": rng.normal(size=(n, 2)),
        "weight": rng.uniform(0.5, 2.0, n) if weighted else np.ones(n),
        "start": start,
        "stop": start + rng.integers(1, 12, n),
        "event": rng.integers(0, 3, n),
        "group": rng.integers(0, groups, n),
    }


def problem_of(rows: dict[str, np.ndarray], convention: str, ties: str, late: bool) -> FineGrayProblem:
    stop, event, group = rows["stop"].astype(np.int32), rows["event"].astype(np.uint8), rows["group"].astype(np.int32)
    start = rows["start"].astype(np.int32) if late else NONE
    censored = censoring(stop, start, event, group, int(group.max()) + 1, int(stop.max()) + 1, convention)
    n = len(stop)
    return fine_gray_problem(
        FineGrayRows(rows["x"], rows["weight"], event, stop, start, np.zeros(n, np.int64), group, censored, ties)
    )


def observed_before(rows: dict[str, np.ndarray], t: int, group: int, convention: str, late: bool) -> float:
    """G(t-) H(t-) by definition."""
    mine = rows["group"] == group
    value = 1.0
    for u in range(t):
        inside = mine & (rows["stop"] >= u) & ((rows["start"] < u) | (not late))
        if convention == FINEGRAY:
            inside &= ~((rows["stop"] == u) & (rows["event"] > 0))
        leaves = mine & (rows["stop"] == u) & (rows["event"] == 0)
        value *= 1.0 - leaves.sum() / inside.sum() if leaves.any() else 1.0
    entries = sorted(set(rows["start"])) if late else []
    for u in entries[1:]:
        if u >= t:
            entered = (rows["start"] <= u) & (rows["stop"] > u)
            value *= 1.0 - (rows["start"] == u).sum() / entered.sum()
    return value


def risk_weight(rows: dict[str, np.ndarray], t: int, convention: str, late: bool) -> np.ndarray:
    out = np.zeros(len(rows["stop"]))
    for j, (start, stop, event, group) in enumerate(
        zip(rows["start"], rows["stop"], rows["event"], rows["group"], strict=True)
    ):
        if stop >= t:
            out[j] = float(start < t or not late)
        elif event == 2:
            now, then = (observed_before(rows, u, group, convention, late) for u in (t, stop))
            out[j] = now / then
    return out


def plain_log_likelihood(
    rows: dict[str, np.ndarray], beta: np.ndarray, convention: str, ties: str, late: bool
) -> float:
    total, eta = 0.0, rows["x"] @ beta
    for t in np.unique(rows["stop"][rows["event"] == 1]):
        failing = (rows["stop"] == t) & (rows["event"] == 1)
        w, d = rows["weight"], failing.sum()
        risk = w * risk_weight(rows, t, convention, late) * np.exp(eta)
        total += (w * eta)[failing].sum()
        for k in range(d):
            share = k / d if ties == "efron" else 0.0
            total -= w[failing].mean() * np.log(risk.sum() - share * risk[failing].sum())
    return total


CASES = [
    (CRR, "breslow", False, False),
    (FINEGRAY, "breslow", False, True),
    (FINEGRAY, "efron", False, True),
    (FINEGRAY, "efron", True, True),
]


@pytest.mark.parametrize(("convention", "ties", "late", "weighted"), CASES)
def test_the_log_likelihood_is_that_of_the_definition(convention: str, ties: str, late: bool, weighted: bool) -> None:
    rows = made(3, late=late, weighted=weighted)
    found = problem_of(rows, convention, ties, late)
    for beta in (np.zeros(2), BETA):
        expected = plain_log_likelihood(rows, beta, convention, ties, late)
        assert found.evaluate(beta).log_likelihood == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize(("convention", "ties", "late", "weighted"), CASES)
def test_score_and_information_are_derivatives(convention: str, ties: str, late: bool, weighted: bool) -> None:
    found = problem_of(made(4, late=late, weighted=weighted), convention, ties, late)
    at = found.evaluate(BETA)
    for k in range(2):
        step = np.eye(2)[k] * 1e-5
        high, low = found.evaluate(BETA + step), found.evaluate(BETA - step)
        assert at.score[k] == pytest.approx((high.log_likelihood - low.log_likelihood) / 2e-5, abs=1e-7)
        np.testing.assert_allclose(-at.information[k], (high.score - low.score) / 2e-5, atol=1e-6)


@pytest.mark.parametrize(("convention", "ties", "late", "weighted"), CASES)
def test_score_residuals_add_up_to_the_score(convention: str, ties: str, late: bool, weighted: bool) -> None:
    likelihood = problem_of(made(5, late=late, weighted=weighted), convention, ties, late).likelihood
    residuals = score_residuals(likelihood, likelihood.step_terms(BETA))
    np.testing.assert_allclose(residuals.sum(axis=0), likelihood.evaluate(BETA).score, atol=1e-10)


def test_censoring_residuals_by_derivative_of_the_score() -> None:
    """q(u) is how the score moves when the weights of those who failed before u fall by a share from u on."""
    rows = made(6, n=60, groups=2)
    problem = problem_of(rows, CRR, "breslow", False)
    one, likelihood = problem.rows, problem.likelihood
    steps = likelihood.step_terms(BETA)
    found = censoring_residuals(
        likelihood, steps, one.censored, one.stop, one.event == 0, one.group, problem.time_places
    )
    expected = np.zeros_like(found)
    for u in np.unique(one.stop[one.event == 0]):
        for g in (0, 1):
            inside = (one.group == g) & (one.stop >= u)
            leaving = inside & (one.stop == u) & (one.event == 0)
            if leaving.any():
                q = -_score_change(rows, int(u), g)
                expected[leaving] += q / inside.sum()
                expected[inside] -= q * leaving.sum() / inside.sum() ** 2
    np.testing.assert_allclose(found, expected, atol=1e-7)


def _score_change(rows: dict[str, np.ndarray], u: int, group: int) -> np.ndarray:
    """Derivative of the score where the weights at t >= u of group members who failed before u are scaled."""

    def score(scale: float) -> np.ndarray:
        total, risk = np.zeros(2), np.exp(rows["x"] @ BETA)
        for t in np.unique(rows["stop"][rows["event"] == 1]):
            weight = risk_weight(rows, t, CRR, False) * risk
            touched = (rows["group"] == group) & (rows["event"] == 2) & (rows["stop"] < u) & (t >= u)
            weight = np.where(touched & (rows["stop"] < t), weight * scale, weight)
            failing = (rows["stop"] == t) & (rows["event"] == 1)
            total += rows["x"][failing].sum(axis=0) - failing.sum() * (weight @ rows["x"]) / weight.sum()
        return total

    return (score(1.0 + 1e-6) - score(1.0 - 1e-6)) / 2e-6


@pytest.mark.parametrize(("convention", "ties", "late", "weighted"), CASES[1:])
def test_squared_pieces_are_those_of_rows_written_out(convention: str, ties: str, late: bool, weighted: bool) -> None:
    """Rows are cut where their weight changes, as R's finegray does, and the pieces' residuals squared."""
    problem = problem_of(made(8, late=late, weighted=weighted), convention, ties, late)
    one, likelihood = problem.rows, problem.likelihood
    steps = likelihood.step_terms(BETA)
    found = squared_pieces(likelihood, steps, one.censored, one.stop, problem.time_places)
    hazard = likelihood.failures.weight / steps.denominator
    places = problem.time_places
    interval = np.cumsum(one.censored.falls[0]) - one.censored.falls[0]
    whole = score_residuals(likelihood, steps)
    total = np.zeros((2, 2))
    tails = likelihood.tails
    for i in range(len(one.stop)):
        pieces = {}
        if one.event[i] == 2:
            factor = tails.factor[list(tails.row).index(i)]
            for step, g in enumerate(likelihood.failures.time):
                if places[g] > one.stop[i] and interval[places[g]] != interval[one.stop[i]]:
                    moved = likelihood.x[i] - likelihood.centre[0] - steps.mean[step]
                    weight = steps.risk[i] * factor * one.censored.observed[0, places[g]]
                    key = interval[places[g]]
                    pieces[key] = pieces.get(key, 0.0) - weight * hazard[step] * moved
        first = whole[i] - sum(pieces.values())
        for piece in (first, *pieces.values()):
            total += np.outer(piece, piece)
    np.testing.assert_allclose(found, total, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("late", [False, True])
def test_without_effects_the_product_of_hazards_is_the_cumulative_incidence(late: bool) -> None:
    """Geskus (2011): weighting by censoring and entry turns Kaplan-Meier into Aalen-Johansen."""
    rows = made(12, late=late)
    likelihood = problem_of(rows, FINEGRAY, "breslow", late).likelihood
    hazard = likelihood.failures.weight / likelihood.step_terms(np.zeros(2)).denominator
    survival = np.cumprod(1.0 - np.bincount(likelihood.failures.time, hazard))
    stop, event, size = rows["stop"].astype(np.int32), rows["event"].astype(np.uint8), int(rows["stop"].max()) + 1
    start = rows["start"].astype(np.int32) if late else NONE
    one = curve_of(tally(stop, event, size, start, np.empty(0), NONE, 1), 0)
    of_cause = tally_causes(stop, event, size, np.empty(0), NONE, 1, 2)[0, 0][one.place]
    incidence = incidence_of(one, of_cause).incidence[of_cause > 0.0]
    np.testing.assert_allclose(1.0 - survival, incidence, rtol=1e-10)


def test_a_gap_in_observation_is_reported() -> None:
    stop, start = np.array([1, 1, 5, 6], np.int32), np.array([0, 0, 2, 2], np.int32)
    event, group = np.array([1, 2, 1, 0], np.uint8), np.zeros(4, np.int32)
    assert censoring(stop, start, event, group, 1, 7, FINEGRAY).gap
    assert not censoring(stop, NONE, event, group, 1, 7, FINEGRAY).gap
