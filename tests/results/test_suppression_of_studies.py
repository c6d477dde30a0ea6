"""Whole sets of result tables: an attacker who knows how the tables hang together cannot work out a small count.

The attacker here is written apart from the package: it reads the published tables, knows which cells are equal, which
add up, and asks of every small count of the truth whether another whole number would fit as well.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, table
from tests.results.invented import KEY, invent, invented_tables

EXPOSURES = ["celecoxib", "diclofenac"]
Terms = list[tuple[object, int]]


class Attacker:
    """Unknown whole numbers, named by table, row and column, tied by equations."""

    def __init__(self, published: dict, truth: dict):
        self.rows = {name: content.to_pylist() for name, content in published.items()}
        self.truth = {
            (name, i, column): row[column]
            for name, content in truth.items()
            for i, row in enumerate(content.to_pylist())
            for column in TABLES[name].counts
            if row[column] is not None
        }
        self.equations: list[Terms] = []
        self.tie()

    def tie(self) -> None:
        self._tie_sampling()
        self._tie_attrition()
        self._tie_characteristics()
        self._tie_exposure()
        self._tie_coexposure()
        self._tie_estimates()

    def equal(self, total: object, *parts: object) -> None:
        self.equations.append([(total, -1), *((part, 1) for part in parts)])

    def _tie_sampling(self) -> None:
        cell = ("sampling", 0)
        self.equal((*cell, "n_cases"), (*cell, "n_cases_matched"), (*cell, "n_cases_unmatched"))
        sets = [("matching", i, "n_sets") for i in range(len(self.rows["matching"]))]
        self.equal((*cell, "n_cases"), *sets)
        for i, row in enumerate(self.rows["matching"]):
            if row["controls_in_set"] == 0:
                self.equal((*cell, "n_cases_unmatched"), ("matching", i, "n_sets"))

    def _tie_attrition(self) -> None:
        before = None
        for i, row in enumerate(self.rows["attrition"]):
            self.equal(("attrition", i, "n_in"), ("attrition", i, "n_excluded"), ("attrition", i, "n_remaining"))
            if before is not None and row["position"] > 1:
                self.equal(("attrition", i, "n_in"), ("attrition", before, "n_remaining"))
            if row["rule"] == "at least one eligible control":
                self.equal(("attrition", i, "n_remaining"), ("sampling", 0, "n_cases_matched"))
                self.equal(("attrition", i, "n_in"), ("sampling", 0, "n_cases"))
            before = i

    def _tie_characteristics(self) -> None:
        levels = defaultdict(list)
        for i, row in enumerate(self.rows["characteristics"]):
            levels[row["variable"]].append(i)
        for members in levels.values():
            self.equal(("sampling", 0, "n_cases_matched"), *(("characteristics", i, "n_cases") for i in members))
            self.equal(("sampling", 0, "n_controls"), *(("characteristics", i, "n_controls") for i in members))

    def _tie_exposure(self) -> None:
        for who, total in (("cases", "n_cases_matched"), ("controls", "n_controls")):
            by_window = {}
            for i, row in enumerate(self.rows["exposure"]):
                cell = ("exposure", i)
                self.equal((*cell, f"n_{who}"), (*cell, f"n_exposed_{who}"), (*cell, f"n_unexposed_{who}"))
                self.equal(("sampling", 0, total), (*cell, f"n_{who}"), (*cell, f"n_{who}_not_observable"))
                first = by_window.setdefault(row["window"], i)
                self.equal((*cell, f"n_{who}"), ("exposure", first, f"n_{who}"))
            for i, j in self._first_and_never():
                cells = [("exposure", n, f"n_exposed_{who}") for n in (i, j)]
                self.equal(("exposure", i, f"n_{who}"), *cells, ("elsewhere", i, who))

    def _first_and_never(self) -> Iterator[tuple[int, int]]:
        """In the invented tables the row of never users follows that of the window, with the same rows beneath."""
        for i, row in enumerate(self.rows["exposure"]):
            if row["reading"] == "initiation" and row["level"] != "never used":
                yield i, i + 1

    def _use(self, row: dict, exposure: str) -> int:
        return next(
            i
            for i, other in enumerate(self.rows["exposure"])
            if other["exposure"] == exposure and other["window"] == row["window"] and other["reading"] == "any_use"
        )

    def _tie_coexposure(self) -> None:
        place = {(r["exposure"], r["other_exposure"], r["window"]): i for i, r in enumerate(self.rows["coexposure"])}
        for (first, second, window), i in place.items():
            row = self.rows["coexposure"][i]
            for who in ("cases", "controls"):
                cell = ("coexposure", i)
                use = ("exposure", self._use(row, first), f"n_exposed_{who}")
                self.equal((*cell, f"n_exposed_{who}"), use)
                self.equal((*cell, f"n_exposed_{who}"), (*cell, f"n_{who}_both"), ("first only", i, who))
                self.equal((*cell, f"n_{who}_both"), ("coexposure", place[second, first, window], f"n_{who}_both"))

    def _tie_estimates(self) -> None:
        for i, row in enumerate(self.rows["estimates"]):
            use = ("exposure", self._use(row, row["exposure"]))
            cell = ("estimates", i)
            self.equal((*cell, "n_sets"), (*cell, "n_cases"))
            self.equal((*cell, "n_cases"), (*use, "n_cases"))
            self.equal((*cell, "n_persons"), (*cell, "n_cases"), (*use, "n_controls"))
            for who in ("cases", "controls"):
                self.equal((*cell, f"n_exposed_{who}"), (*use, f"n_exposed_{who}"))

    def pinned(self, k: int) -> list[object]:
        """Small counts, complements included, for which only the true number fits."""
        true = self._true()
        names = list(true)
        at = {name: n for n, name in enumerate(names)}
        matrix = np.zeros((len(self.equations), len(names)))
        for e, terms in enumerate(self.equations):
            for name, times in terms:
                matrix[e, at[name]] += times
        assert not (matrix @ np.array([true[name] for name in names])).any(), "the tables contradict one another"
        free = np.array([self._published(name) is None for name in names])
        low = np.array([-(true[name] - (0 if name[0] in VIRTUAL else 1)) for name in names], dtype=float)
        low, high, at_all = np.where(free, low, 0), np.where(free, 10_000.0, 0), np.arange(len(names))
        small = [n for n, name in enumerate(names) if 1 <= true[name] < k]
        # All at once first, which settles most; what did not move then is asked one by one.
        moved = self._moves(
            matrix, low, high, np.random.default_rng(k).uniform(1, 2, len(names)) * np.isin(at_all, small)
        )
        return [names[n] for n in small if n not in moved and n not in self._moves(matrix, low, high, at_all == n)]

    def _published(self, name: tuple) -> int | None:
        return None if name[0] in VIRTUAL else self.rows[name[0]][name[1]][name[2]]

    def _true(self) -> dict[object, int]:
        true = {name: value for name, value in self.truth.items() if name[0] in TIED}
        for terms in self.equations:
            virtual = [name for name, _ in terms if name[0] in VIRTUAL]
            if virtual:
                true[virtual[0]] = -sum(times * true[name] for name, times in terms if name != virtual[0])
        return true

    @staticmethod
    def _moves(matrix: np.ndarray, low: np.ndarray, high: np.ndarray, goal: np.ndarray) -> set[int]:
        """Unknowns that differ from the truth in the solutions with the largest and the smallest value of the goal."""
        moved: set[int] = set()
        constraint, bounds = LinearConstraint(csr_array(matrix), 0, 0), Bounds(low, high)
        for direction in (1.0, -1.0):
            best = milp(direction * goal, integrality=np.ones(len(low)), bounds=bounds, constraints=constraint)
            if best.x is not None:
                moved |= set(np.flatnonzero(np.round(best.x)).tolist())
        return moved


VIRTUAL = {"elsewhere", "first only"}
TIED = {"attrition", "sampling", "matching", "characteristics", "exposure", "coexposure", "estimates"}


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    seed=st.integers(0, 10_000),
    n_sets=st.integers(1, 60),
    rates=st.sampled_from([(0.03, 0.06), (0.12, 0.2), (0.5, 0.6), (0.9, 0.97)]),
    unmatched=st.sampled_from([0, 2, 9]),
    k=st.sampled_from([2, 5, 10]),
)
def test_no_small_count_of_a_study_can_be_worked_out(seed, n_sets, rates, unmatched, k) -> None:
    tables = invented_tables(invent(seed, n_sets, rates=rates), EXPOSURES, unmatched)
    published = suppress(tables, k)
    assert Attacker(published, tables).pinned(k) == []
    for name, content in published.items():
        for before, row in zip(tables[name].to_pylist(), content.to_pylist(), strict=True):
            for column in TABLES[name].counts:
                assert row[column] is None or not 1 <= row[column] < k
                assert row[f"{column}_suppressed"] == (row[column] is None and before[column] is not None)
                assert before[column] != 0 or row[column] == 0, "zero is shown"


def test_the_attacker_finds_what_a_careless_table_gives_away() -> None:
    tables = invented_tables(invent(1, 40, rates=(0.03, 0.06)), EXPOSURES, 0)
    careless = {
        name: table(name, [{c: None if c in TABLES[name].counts and v is not None and 1 <= v < 5 else v
                            for c, v in row.items() if c in TABLES[name].names} for row in content.to_pylist()])
        for name, content in tables.items()
    }  # fmt: skip
    assert Attacker(careless, tables).pinned(5)


@pytest.fixture(scope="module")
def study() -> dict:
    persons = invent(5, 400)
    persons.level[:, 1] *= persons.case | (persons.age > 84)
    return invented_tables(persons, EXPOSURES)


def test_an_estimate_on_a_small_cell_is_withheld_with_its_reason(study) -> None:
    before, after = study["estimates"].to_pylist(), suppress(study, 5)["estimates"].to_pylist()
    assert any(row["reason"] == "SMALL_CELLS" for row in after)
    for old, new in zip(before, after, strict=True):
        cells = (old["n_exposed_cases"], old["n_exposed_controls"], old["n_cases"] - old["n_exposed_cases"])
        if any(1 <= cell < 5 for cell in cells):
            assert (new["estimate"], new["conf_low"], new["conf_high"], new["p_value"]) == (None,) * 4
            assert (new["log_estimate"], new["std_error"]) == (None, None)
            assert new["reason"] == (old["reason"] or "SMALL_CELLS")
        elif new["reason"] is None:
            assert new["estimate"] == old["estimate"]


def test_a_reason_that_is_there_stays(study) -> None:
    rows = study["estimates"].to_pylist()
    for row in rows:
        row |= {"n_exposed_cases": 3, "reason": "SEPARATION"}
        for name in TABLES["estimates"].counts:
            row.pop(f"{name}_suppressed")
    after = suppress({"estimates": table("estimates", rows)}, 5)["estimates"].to_pylist()
    assert {row["reason"] for row in after} == {"SEPARATION"}


def test_the_reference_level_counts_as_a_cell() -> None:
    use = KEY | {"exposure": "x", "window": "w", "reading": "initiation", "factor": "w"}
    rows = [
        use
        | {
            "level": "first used, w",
            "n_cases": 100,
            "n_controls": 400,
            "n_exposed_cases": 60,
            "n_exposed_controls": 90,
        },
        use
        | {"level": "never used", "n_cases": 100, "n_controls": 400, "n_exposed_cases": 3, "n_exposed_controls": 200},
    ]
    key = dict.fromkeys(TABLES["estimates"].keys) | KEY | {"exposure": "x", "window": "w", "reading": "initiation"}
    estimate = key | {
        "target_level": "first used, w", "reference_level": "never used", "estimate": 2.0, "n_cases": 100,
        "n_persons": 500, "n_exposed_cases": 60, "n_exposed_controls": 90,
    }  # fmt: skip
    after = suppress({"exposure": table("exposure", rows), "estimates": table("estimates", [estimate])}, 5)
    assert after["estimates"].to_pylist()[0]["reason"] == "SMALL_CELLS"
    assert after["exposure"].to_pylist()[1]["n_exposed_cases"] is None


def test_the_same_count_is_hidden_in_every_table(study) -> None:
    after = suppress(study, 5)
    exposure = {
        (row["exposure"], row["window"], row["reading"], row["level"]): row for row in after["exposure"].to_pylist()
    }
    for row in after["estimates"].to_pylist():
        there = exposure[row["exposure"], row["window"], row["reading"], row["target_level"]]
        for name in ("n_exposed_cases", "n_exposed_controls", "n_cases"):
            assert row[name] == there[name]


def test_what_is_made_of_a_hidden_count_goes_with_it(study) -> None:
    hidden = [row for row in suppress(study, 5)["exposure"].to_pylist() if row["n_exposed_controls_suppressed"]]
    assert hidden
    for row in hidden:
        assert row["percent_exposed_controls"] is None
        assert row["mean_dispensings_controls"] is None


def test_the_difference_of_a_variable_goes_when_one_of_its_levels_is_hidden() -> None:
    rows = [
        KEY | {"variable": "region", "level": level, "statistic": "count", "n_cases": n, "n_controls": 400,
               "value_cases": n / 2, "standardized_difference": 0.2}
        for level, n in (("north", 3), ("south", 90), ("west", 107))
    ]  # fmt: skip
    after = suppress({"characteristics": table("characteristics", rows)}, 5)["characteristics"].to_pylist()
    assert [row["n_cases"] for row in after] == [None, None, 107]
    assert [row["value_cases"] for row in after] == [None, None, None]
    assert [row["standardized_difference"] for row in after] == [None, None, None]


def test_small_risk_sets_are_not_shown() -> None:
    row = KEY | {"n_cases": 50, "risk_set_size_min": 2.0, "risk_set_size_median": 80.0}
    after = suppress({"sampling": table("sampling", [row])}, 5)["sampling"].to_pylist()[0]
    assert (after["risk_set_size_min"], after["risk_set_size_median"]) == (None, 80.0)


def test_the_union_of_two_exposures_gives_no_overlap_away() -> None:
    def use(name: str, n: int) -> dict:
        key = KEY | {"exposure": name, "window": "ever", "reading": "any_use", "factor": "ever", "level": "used"}
        return key | {"n_cases": 479, "n_exposed_cases": n, "n_unexposed_cases": 479 - n}

    pair = KEY | {"exposure": "a", "other_exposure": "b", "window": "ever", "n_exposed_cases": 300, "n_cases_both": 3}
    exposure = table("exposure", [use("a", 300), use("b", 100), use("a or b", 397)])
    after = suppress({"exposure": exposure, "coexposure": table("coexposure", [pair])}, 5)
    assert after["coexposure"].to_pylist()[0]["n_cases_both"] is None
    assert None in [row["n_exposed_cases"] for row in after["exposure"].to_pylist()]


@pytest.mark.parametrize("k", [0, 1])
def test_a_threshold_of_one_changes_nothing(study, k: int) -> None:
    assert all(after.equals(study[name]) for name, after in suppress(study, k).items())


def test_hiding_twice_hides_no_more(study) -> None:
    once = suppress(study, 5)
    assert all(after.equals(once[name]) for name, after in suppress(once, 5).items())


def test_subgroups_do_not_add_up_to_a_hidden_count() -> None:
    key = dict.fromkeys(TABLES["estimates"].keys) | KEY | {"exposure": "x", "term": "x"}
    whole = key | {"subgroup": "overall", "subgroup_level": "overall", "n_cases": 100, "n_exposed_cases": 23}
    women = key | {"subgroup": "sex", "subgroup_level": "female", "n_cases": 60, "n_exposed_cases": 20}
    men = key | {"subgroup": "sex", "subgroup_level": "male", "n_cases": 40, "n_exposed_cases": 3}
    after = suppress({"estimates": table("estimates", [whole, women, men])}, 5)["estimates"].to_pylist()
    assert [row["n_exposed_cases"] for row in after].count(None) >= 2


def test_percents_do_not_tell_a_number_of_persons_that_no_characteristic_shows() -> None:
    def level(variable: str, name: str, cases: int) -> dict[str, object]:
        row = {"analysis": "a", "comparison": "population", "variable": variable, "level": name, "statistic": "count"}
        return row | {"n_cases": cases, "n_controls": 100, "value_cases": cases / 0.6, "value_controls": 50.0}

    few = [level("ulcer", "yes", 3), level("ulcer", "no", 27), level("ulcer", "missing", 30)]
    for others, shown in (([], False), ([level("sex", "women", 29), level("sex", "men", 31)], True)):
        after = suppress({"characteristics": table("characteristics", [*few, *others])}, 5)[
            "characteristics"
        ].to_pylist()
        kept = [row for row in after if row["variable"] == "ulcer" and not row["n_cases_suppressed"]]
        assert len(kept) == 1
        assert (kept[0]["value_cases"] is not None) == shown
        assert all(row["value_controls"] == 50.0 for row in after)
