"""Doubly robust risks: by hand, as a weighted mean, and in simulations with one kind of model wrong."""

from typing import Any

import numpy as np
import pytest

from equipoise import Strategy, fit_clone_censor_weight, fit_doubly_robust
from equipoise.errors import DesignError, Reason, UnsupportedError

MONTHS, GRACE = 6, 2
ROLES: dict[str, Any] = {
    "person": "id", "period": "month", "treatment": "drug", "eligible": "new", "outcome": "died",
}  # fmt: skip
STRATEGIES = {"none": Strategy(0, sustained=False), "start": Strategy(1, sustained=False)}


def logit(p: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-p))


def lives(n: int, rng: np.random.Generator, follow: str | None = None, lost: bool = True) -> dict[str, np.ndarray]:
    """Persons over months: illness comes and goes, brings the drug and death; the drug, kept once begun, protects.

    With `follow` everybody does what the strategy asks for, and nobody is lost. Rows after leaving are cut off.
    """
    frail = rng.random(n) < 0.5
    ill, drug = rng.random(n) < logit(-0.8 + 1.2 * frail), np.zeros(n, bool)
    here = np.ones(n, bool)
    columns: dict[str, list] = {key: [] for key in ("id", "month", "frail", "ill", "drug", "died", "lost", "new")}
    for k in range(MONTHS):
        if k:
            ill = rng.random(n) < logit(-1.5 + 2.0 * ill + 0.8 * frail - 0.7 * drug)
        start = rng.random(n) < logit(-1.6 + 1.6 * ill + 0.4 * frail)
        if follow == "none" and k <= GRACE:
            start = np.zeros(n, bool)
        if follow == "start" and k == GRACE:
            start = np.ones(n, bool)
        drug = drug | start
        gone = (rng.random(n) < logit(-3.2 + 0.7 * ill)) & (lost and follow is None)
        dies = ~gone & (rng.random(n) < logit(-3.4 + 1.6 * ill + 0.7 * frail - 0.8 * drug))
        for key, values in zip(columns, (np.arange(n), np.full(n, k), frail, ill, drug, dies, gone, np.full(n, k == 0)),
                               strict=True):  # fmt: skip
            columns[key].append(np.where(here, values, -1).astype(int))
        here = here & ~gone & ~dies
    made = {key: np.stack(parts, axis=1).ravel() for key, parts in columns.items()}
    return {key: values[made["month"] >= 0] for key, values in made.items()}


def truth(n: int = 400_000) -> dict[str, float]:
    found = {}
    for name in STRATEGIES:
        made = lives(n, np.random.default_rng(1), name)
        found[name] = made["died"].sum() / n
    return found


def fitted(data: dict[str, np.ndarray], **options: Any) -> Any:
    data = data | {"month2": data["month"] ** 2}
    given: dict[str, Any] = {"covariates": ["frail"], "time_varying": ["ill"], "treatment_terms": ["month", "month2"]}
    return fit_doubly_robust(
        data, **ROLES, strategies=STRATEGIES, grace=GRACE, censored="lost", **(given | options), max_follow_up=MONTHS
    )


def test_without_covariates_it_is_the_share_among_those_who_keep_to_the_strategy() -> None:
    """Ten persons: of the six without the drug two die at once and one later; of the four with it one dies at once."""
    data = {
        "id": [1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 9, 10, 10],
        "month": [0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1],
        "drug": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
        "new": [1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0],
        "died": [1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    }
    data = {key: np.repeat(np.array(values)[None, :], 5, axis=0).ravel() for key, values in data.items()}
    data["id"] = data["id"] + 100 * np.repeat(np.arange(5), 17)
    fit = fit_doubly_robust(data, **ROLES, strategies={"never": 0, "always": 1})
    risks = fit.risks()
    assert risks.risk == pytest.approx(np.array([[2 / 6, 3 / 6], [1 / 4, 1 / 4]]), abs=1e-9)
    at_once = {key: values[data["month"] == 0] for key, values in data.items()}
    first = fit_doubly_robust(at_once, **ROLES, strategies={"never": 0, "always": 1}).risks()
    assert first.covariance[0, 0, 0] == pytest.approx(1 / 3 * 2 / 3 / 30, rel=1e-9)  # of a share of thirty
    assert first.covariance[1, 1, 0] == pytest.approx(1 / 4 * 3 / 4 / 20, rel=1e-9)
    assert first.covariance[0, 1, 0] == pytest.approx(0.0, abs=1e-12)


def test_one_interval_is_the_augmented_inverse_probability_estimator() -> None:
    """With the outcome model and weights of its own making, written out."""
    rng = np.random.default_rng(4)
    n = 500
    x = rng.normal(size=n)
    a = rng.random(n) < logit(0.4 * x)
    y = rng.random(n) < logit(-0.5 + x - 0.4 * a)
    data = {"id": np.arange(n), "month": np.zeros(n, int), "drug": a.astype(int), "new": np.ones(n, int),
            "died": y.astype(int), "x": x}  # fmt: skip
    fit = fit_doubly_robust(data, **ROLES, strategies={"never": 0, "always": 1}, covariates=["x"])
    propensity = fit.weight_models[0].fit.fitted_values
    own = fit.risks()
    for arm, took, chance in ((0, ~a, 1.0 - propensity), (1, a, propensity)):
        weight = took / chance
        # A mean of predictions whose weighted residuals are zero is the augmented estimate, whatever the predictions.
        influence = own.covariance[arm, arm, 0] * n
        assert 0.1 < influence < 1.5
        plain = float((weight * y).sum() / weight.sum())
        assert own.risk[arm, 0] == pytest.approx(plain, abs=0.02)


def test_close_to_the_truth_where_crude_clones_are_not() -> None:
    data, true = lives(20_000, np.random.default_rng(2)), truth(200_000)
    risks = fitted(data, times=[MONTHS - 1]).risks()
    for k, name in enumerate(STRATEGIES):
        assert abs(risks.risk[k, 0] - true[name]) < 3.5 * np.sqrt(risks.covariance[k, k, 0])
    crude = fit_clone_censor_weight(
        data, **ROLES, strategies=STRATEGIES, grace=GRACE, censored="lost", follow_up_terms="linear",
        max_follow_up=MONTHS,
    ).risks([MONTHS - 1])  # fmt: skip
    away = (crude.risk[1, 0] - crude.risk[0, 0]) - (true["start"] - true["none"])
    assert away > 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "options"),
    [
        ("neither", {}),
        ("treatment and loss", {"treatment_covariates": []}),
        ("outcome", {"covariates": [], "time_varying": [], "treatment_covariates": ["frail", "ill"]}),
    ],
)
def test_one_kind_of_model_may_be_wrong(wrong: str, options: dict[str, Any]) -> None:
    """150 samples of 1,500 persons: no bias beyond Monte Carlo error, intervals that cover."""
    true, runs, found, covered = truth(), 150, [], []
    for seed in range(runs):
        risks = fitted(lives(1_500, np.random.default_rng(100 + seed)), times=[MONTHS - 1], **options).risks()
        value = risks.risk[1, 0] - risks.risk[0, 0]
        v = risks.covariance[:, :, 0]
        error = np.sqrt(v[0, 0] + v[1, 1] - 2.0 * v[0, 1])
        found.append(value)
        covered.append(abs(value - (true["start"] - true["none"])) < 1.96 * error)
    bias = np.mean(found) - (true["start"] - true["none"])
    assert abs(bias) < 3.5 * np.std(found, ddof=1) / np.sqrt(runs) + 0.002, wrong
    assert np.mean(covered) > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / runs), wrong


@pytest.mark.slow
def test_with_both_kinds_wrong_it_is_biased() -> None:
    """So that the test above shows something."""
    true, found = truth(), []
    for seed in range(60):
        risks = fitted(lives(1_500, np.random.default_rng(100 + seed)), times=[MONTHS - 1], covariates=[],
                       time_varying=[], treatment_covariates=[]).risks()  # fmt: skip
        found.append(risks.risk[1, 0] - risks.risk[0, 0])
    assert np.mean(found) - (true["start"] - true["none"]) > 0.02


def test_competing_events_leave_no_risk_of_the_outcome() -> None:
    rng = np.random.default_rng(6)
    data = lives(4_000, rng, lost=False)
    other = (rng.random(len(data["id"])) < 0.05) & (data["died"] == 0)
    # Rows after the competing event leave.
    pairs = list(zip(data["id"][other].tolist(), data["month"][other].tolist(), strict=True))
    first = dict(reversed(pairs))
    keep = np.array(
        [k <= first.get(i, MONTHS) for i, k in zip(data["id"].tolist(), data["month"].tolist(), strict=True)]
    )
    made = {key: values[keep] for key, values in data.items()} | {"other": other[keep].astype(int)}
    given = {"covariates": ["frail"], "time_varying": ["ill"], "treatment_terms": ["month"], "max_follow_up": MONTHS}
    total = fit_doubly_robust(made, **ROLES, strategies=STRATEGIES, grace=GRACE, competing="other", **given).risks()
    either = fit_doubly_robust(made, **ROLES, strategies=STRATEGIES, grace=GRACE, competing="other",
                               competing_effect="composite", **given).risks()  # fmt: skip
    assert (total.risk[:, -1] < either.risk[:, -1] - 0.05).all()
    assert np.isnan(total.survival).all()
    assert either.survival == pytest.approx(1.0 - either.risk)


def test_too_few_events_give_no_number_and_no_events_a_reason() -> None:
    data = lives(60, np.random.default_rng(8))
    risks = fitted(data).risks()
    assert np.isnan(risks.risk[1, GRACE])  # fewer than five deaths of those who had started
    assert not np.isnan(risks.risk[1, GRACE - 1])  # before that nothing was asked
    nobody = fitted(data | {"died": np.zeros_like(data["died"]), "lost": data["lost"] | data["died"]})
    assert nobody.reason is Reason.NO_EVENTS
    assert np.isnan(nobody.risks().risk).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"competing_effect": "direct"}, UnsupportedError, "competing_effect"),
        ({"covariates": "frail"}, DesignError, "a list of names of columns"),
        ({"truncate": (99, 1)}, DesignError, "truncate"),
        ({"times": [99]}, DesignError, "times"),
        ({"censored": None}, DesignError, "an event or a loss in the last row"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], error: type, message: str) -> None:
    data = lives(60, np.random.default_rng(1))
    given: dict[str, Any] = {"censored": "lost", "covariates": ["frail"], "max_follow_up": MONTHS} | options
    with pytest.raises(error, match=message):
        fit_doubly_robust(data, **ROLES, strategies=STRATEGIES, grace=GRACE, **given)


def test_times_that_were_not_fitted_are_refused() -> None:
    fit = fitted(lives(200, np.random.default_rng(1)), times=[2, 5])
    assert fit.risks([5]).times.tolist() == [5]
    with pytest.raises(DesignError, match="not all among those that were fitted"):
        fit.risks([3])
