"""Where every arrow misleads, better analyses lie nearer to the truth, and flawed ones miss it as predicted.

No drug has an effect in these nations: every true ratio is 1, and logarithms are distances from the truth.
"""

import numpy as np
import pytest

from tests.coverage.misled import Name, logarithms, mean, of_both, page
from tests.coverage.places import kept_at
from tests.coverage.simulation import simulate

NATIONS = 12
SURE, ERRORS = 2.5, 3.5  # Monte Carlo errors: by which what is predicted is seen; within which what is not there lies
Found = dict[Name, np.ndarray]


def row(**values: object) -> dict[str, object]:
    return {"arrows": True, "analysis": "a", "comparison": "population", "adjustment": "crude"} | values


def test_ratios_are_kept_by_what_they_are_of() -> None:
    odds = {"measure": "odds_ratio", "window": ">1 y"}
    nation = [
        row(**odds, estimate=np.e),
        row(**odds | {"window": "below minimum"}, estimate=9.0),
        row(**odds | {"comparison": "siblings"}, estimate=9.0),
        row(**odds | {"comparison": "siblings", "adjustment": "sex and birth year"}, estimate=1.0),
        row(measure="hazard_ratio", estimate=1.0, arrows=False),
        row(lag_days=182, population="fixed", estimate=np.e),
        row(lag_days=182, population="observable", estimate=9.0),
        {"arrows": False, "analysis": "a", "flaw": "no_lag", "estimate": 9.0, "flawed_estimate": np.e**2},
    ]
    found = logarithms([nation, [row(**odds, estimate=None)]])
    first = {name: values[0] for name, values in found.items()}
    assert first == {
        ("arrows", "odds", "population"): 1.0,
        ("arrows", "odds", "siblings"): 0.0,
        ("none", "hazard", "a", "crude"): 0.0,
        ("arrows", "lag", "population", "182"): 1.0,
        ("none", "flawed", "a", "no_lag"): 2.0,
    }
    assert np.isnan(found["arrows", "odds", "population"][1])


def test_mean_and_its_error_over_the_nations_with_an_estimate() -> None:
    assert mean(np.array([0.0, 2.0, np.nan, 4.0])) == (2.0, pytest.approx(2 / 3**0.5))
    assert "| none, hazard, a | 3 | 7.389 | +2.0000 | 1.1547 |" in page(
        {("none", "hazard", "a"): np.array([0.0, 2.0, np.nan, 4.0])}
    )


@pytest.fixture(scope="module")
def misled(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return logarithms(simulate(NATIONS, kept_at("misled", tmp_path_factory), workers=2, found=of_both))


def above(values: np.ndarray, least: float = SURE) -> bool:
    """Whether the mean over nations lies above 0 by so many Monte Carlo errors."""
    middle, error = mean(values)
    return middle > least * error


@pytest.mark.slow
def test_odds_ratios_fall_with_the_lag(misled: Found) -> None:
    lagged = [misled["arrows", "lag", "population", days] for days in ("0", "182", "365", "1096")]
    assert above(lagged[0] - lagged[1])
    assert above(lagged[1] - lagged[2])
    assert above(lagged[2] - lagged[3])
    assert above(lagged[3])  # what the lag cannot remove: vulnerability brings both drugs and disease


@pytest.mark.slow
def test_siblings_bring_the_odds_ratio_nearer_to_the_truth(misled: Found) -> None:
    population, siblings = (misled["arrows", "lag", name, "365"] for name in ("population", "siblings"))
    assert above(population)
    assert above(population - siblings)
    assert abs(mean(siblings)[0]) < mean(population)[0]


@pytest.mark.slow
def test_adjustment_for_severity_and_psychiatric_history_lies_nearer_to_the_truth(misled: Found) -> None:
    naive, better = (misled["arrows", "hazard", name, "weighted"] for name in ("naive", "better"))
    assert above(naive)  # the vulnerable, and those with fast disease, take the drugs and die early
    assert above(naive - better)
    assert abs(mean(better)[0]) < mean(naive)[0]


@pytest.mark.slow
def test_without_arrows_only_the_flaw_that_needs_none_misses_the_truth(misled: Found) -> None:
    sound = [misled["none", "hazard", name, "adjusted"] for name in ("users", "two-kinds")]
    flawed = [misled["none", "flawed", *name] for name in (("users", "no_lag"), ("two-kinds", "non_user_comparator"))]
    for values in (*sound, *flawed):
        middle, error = mean(values)
        assert abs(middle) < ERRORS * error
    assert above(-misled["none", "flawed", "users", "immortal_time"], 10)


@pytest.mark.slow
def test_flaws_let_the_arrows_mislead_in_the_predicted_direction(misled: Found) -> None:
    users, kinds = (misled["arrows", "hazard", name, "adjusted"] for name in ("users", "two-kinds"))
    no_lag = misled["arrows", "flawed", "users", "no_lag"]
    assert above(users)  # vulnerable users die earlier, whatever they take
    assert above(no_lag - users)  # early signs of fast disease bring drugs
    assert above(misled["arrows", "flawed", "two-kinds", "non_user_comparator"], 10)
    assert abs(mean(kinds)[0]) < mean(misled["arrows", "flawed", "two-kinds", "non_user_comparator"])[0]
    assert above(users - misled["arrows", "flawed", "users", "immortal_time"], 10)
