"""Outcomes added to those of a negative control: the ratio is the one asked for, systematic error stays."""

import numpy as np
import pytest

from equipoise import fit_cox, fit_systematic_error, inject_outcomes
from equipoise.errors import DesignError, Reason

DAYS = 730


def cohort(
    seed: int, n: int = 6_000, error: float = 0.0, confounding: float = 0.0, shape: float = 1.0, rate: float = 0.1
):
    """Start, stop, event, exposed and one covariate; the exposed have exp(error) times the hazard, by no effect."""
    draw = np.random.default_rng(seed)
    x = draw.normal(0, 1, n)
    exposed = (draw.random(n) < 1 / (1 + np.exp(-confounding * x))).astype(int)
    hazard = rate / 365 * np.exp(error * exposed + 0.7 * confounding * x)
    times = (draw.exponential(1.0, n) / hazard / DAYS ** (1 - shape)) ** (1 / shape)
    left = draw.exponential(1_500.0, n)
    stop = np.ceil(np.minimum(np.minimum(times, left), DAYS)).clip(1)
    event = ((times <= left) & (times <= DAYS)).astype(int)
    return np.zeros(n), stop, event, exposed, x


def log_ratio(stop, event, exposed, x=None) -> float:
    data = {"stop": stop, "event": event, "exposed": exposed} | ({} if x is None else {"x": x})
    fit = fit_cox(data, time="stop", event="event", covariates=["exposed", *(["x"] if x is not None else [])])
    return float(fit.tidy()["estimate"].iloc[0])


@pytest.mark.parametrize("effect", [1.5, 2.0, 4.0])
@pytest.mark.parametrize(("error", "shape"), [(0.0, 1.0), (0.4, 1.0), (0.0, 1.6), (-0.3, 0.6)])
def test_the_hazard_ratio_is_raised_by_the_effect_whatever_its_error(effect: float, error: float, shape: float) -> None:
    """Over 30 cohorts, on the log scale, within 3 Monte Carlo errors: errors of the negative control stay in it."""
    gained = []
    for seed in range(30):
        start, stop, event, exposed, _ = cohort(seed, error=error, shape=shape)
        made = inject_outcomes(start, stop, event, exposed, effect, seed=seed)
        assert abs(made.ratio / effect - 1) < 0.01
        gained.append(log_ratio(made.stop, made.event, exposed) - log_ratio(stop, event, exposed))
    monte_carlo = np.std(gained, ddof=1) / np.sqrt(len(gained))
    assert monte_carlo < 0.012
    assert abs(np.mean(gained) - np.log(effect)) < 3 * monte_carlo + 0.004  # days are whole


def test_added_outcomes_are_confounded_as_the_others_are() -> None:
    """With the covariate, crude and adjusted ratios both rise by the effect; without it adjustment goes astray."""
    effect, gained = 4.0, {True: [], False: []}
    for seed in range(20):
        start, stop, event, exposed, x = cohort(seed, confounding=1.0, rate=0.05)
        before = log_ratio(stop, event, exposed, x)
        for given in gained:
            made = inject_outcomes(
                start, stop, event, exposed, effect, covariates=x[:, None] if given else None, seed=seed
            )
            assert made.by_covariates == given
            gained[given].append(log_ratio(made.stop, made.event, exposed, x) - before)
    assert abs(np.mean(gained[True]) - np.log(effect)) < 0.03
    assert abs(np.mean(gained[False]) - np.log(effect)) > 0.06


def test_what_is_added_lies_in_follow_up_and_in_the_exposed() -> None:
    start, stop, event, exposed, x = cohort(1)
    event = np.where((event == 0) & (np.arange(len(event)) % 3 == 0), 2, event)
    start = np.where(np.arange(len(start)) % 2 == 0, np.minimum(stop - 1, 100), 0)
    made = inject_outcomes(start, stop, event, exposed, 2.0, covariates=x[:, None])
    changed = (made.stop != stop) | (made.event != event)
    assert made.added >= changed.sum() > 50
    assert (exposed[changed] == 1).all()
    assert (made.event[changed] == 1).all()
    assert (made.stop <= stop).all()
    assert (made.stop > start).all()
    again = inject_outcomes(start, stop, event, exposed, 2.0, covariates=x[:, None])
    assert (again.stop == made.stop).all()
    other = inject_outcomes(start, stop, event, exposed, 2.0, covariates=x[:, None], draws_for="another control")
    assert (other.stop != made.stop).any()


def test_the_hazard_is_that_of_outcomes_over_person_time() -> None:
    """A hundred exposed of whom thirty have the outcome at once on day 10: whatever is added comes by then."""
    stop, event = np.array([10] * 30 + [20] * 70), np.array([1] * 30 + [0] * 70)
    made = inject_outcomes(np.zeros(100), stop, event, np.ones(100), 2.0)
    assert made.added > 20
    assert (made.stop[made.event == 1] <= 10).all()


def test_few_outcomes_are_a_reason_and_nothing_is_added() -> None:
    stop, event = np.full(100, 50.0), np.arange(100) < 24
    made = inject_outcomes(np.zeros(100), stop, event, np.ones(100), 2.0)
    assert (made.reason, made.added) == (Reason.TOO_FEW_EVENTS, 0)
    assert (made.stop == stop).all()
    assert np.isnan(made.ratio)


@pytest.mark.parametrize("effect", [1.0, 0.5, np.nan, np.inf, "2"])
def test_effects_that_take_outcomes_away_are_refused(effect: float) -> None:
    with pytest.raises(DesignError, match="above 1"):
        inject_outcomes([0], [1], [1], [1], effect)


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DesignError, match="as in start"):
        inject_outcomes([0, 0], [1], [1, 0], [1, 1], 2.0)


PEOPLE = {"start": [0.0] * 4, "stop": [9.0] * 4, "event": [1, 0, 2, 0], "exposed": [1, 0, 1, 0]}


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("start", [0, 0, np.nan, 0], "start: 1 values that are missing"),
        ("stop", [9, np.inf, 9, 9.5], "stop: 2 values that are missing, infinite or not whole"),
        ("event", [1, None, 0, 0], "event: 1 values that are missing"),
        ("exposed", [1, np.nan, 0, 1], "exposed: 1 values that are missing"),
        ("exposed", [1, 2, 0, 1], "exposed: 1 values other than 0 and 1"),
        ("start", [0, 9, 10, 0], "stop: 2 rows that end where they start or before"),
        ("covariates", np.zeros((3, 1)), r"covariates: an array of shape \(3, 1\)"),
        ("covariates", [["a"]] * 4, "covariates: values that are not numbers"),
    ],
)
def test_rows_that_cannot_be_are_refused_with_their_number(name: str, values: object, found: str) -> None:
    with pytest.raises(DesignError, match=found):
        inject_outcomes(**(PEOPLE | {name: values}), effect=2.0)


def test_a_covariate_that_nobody_exposed_has_tells_nothing() -> None:
    """A hundred and fifty outcomes, for which covariates are looked at; one column is missing throughout."""
    event, seen = np.arange(400) < 150, (np.arange(400) % 7).astype(float)
    columns = [np.zeros(400), 1 + np.arange(400) % 50, event, np.ones(400)]
    alone = inject_outcomes(*columns, 2.0, covariates=seen)
    both = inject_outcomes(*columns, 2.0, covariates=np.column_stack([seen, np.full(400, np.nan)]))
    assert alone.by_covariates
    assert (both.stop == alone.stop).all()
    nothing = inject_outcomes(*columns, 2.0, covariates=np.full(400, np.nan))
    assert not nothing.by_covariates


def test_the_model_of_systematic_error_finds_what_was_put_in() -> None:
    """Forty controls with errors of mean 0.25 and sd 0.15: the same at every true effect, so a slope of 1."""
    draw = np.random.default_rng(5)
    rows = []
    for control, error in enumerate(draw.normal(0.25, 0.15, 40)):
        start, stop, event, exposed, _ = cohort(100 + control, n=3_000, error=error)
        for effect in (1.0, 1.5, 2.0, 4.0):
            if effect > 1:
                made = inject_outcomes(start, stop, event, exposed, effect, draws_for=str(control))
            ends = (stop, event) if effect == 1 else (made.stop, made.event)
            data = {"stop": ends[0], "event": ends[1], "exposed": exposed}
            found = fit_cox(data, time="stop", event="event", covariates=["exposed"]).tidy()
            rows.append((found["estimate"].iloc[0], found["std_error"].iloc[0], np.log(effect)))
    model = fit_systematic_error(*map(np.array, zip(*rows, strict=True)))
    assert abs(model.mean_intercept - 0.25) < 0.08
    assert abs(model.mean_slope - 1.0) < 0.04
    assert abs(model.sd_intercept - 0.15) < 0.06
