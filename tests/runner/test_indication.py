"""Users with and without an indication, from the database to the table, against one model with an indicator each."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

import equipoise as eq
from equipoise.errors import SpecError
from equipoise.report.indication import indication_tables
from equipoise.results.few_groups import few_of_indication
from equipoise.results.results import Results
from equipoise.spec.read import parse_study
from tests.generative.databases import random_people, write_database
from tests.generative.test_case_control import STUDY

WINDOW = "1-3 y"
CLOSE = 1e-6  # of two maximisations of the same likelihood
ULCER = {"name": "ulcer", "kind": "event", "concept_set": "ulcer", "window": {"days_before": [0, float("inf")]}}


def asked(**more: object) -> dict:
    raw = deepcopy(STUDY)
    raw["cohorts"]["bleeders"]["exclude_prior"] = []
    raw["covariates"] = [ULCER, {"name": "born", "kind": "birth_year"}]
    raw["analyses"][0] |= {"adjust_for": ["ulcer", "born"]}
    raw["analyses"][0]["design"] |= {"indication": "ulcer", "readings": ["any_use"], **more}
    return raw


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("indication")
    rng = np.random.default_rng(8)
    write_database(random_people(rng, 4000), place / "data", rng)
    return place


@pytest.fixture(scope="module")
def found(place: Path) -> Results:
    with eq.connect(place / "data") as source:
        return eq.run(parse_study(asked()), source, to=place / "results", store=place / "store", min_cell_count=0)


def rows(results: Results, adjustment: str) -> list[dict]:
    every = results.rows("indication")
    return [row for row in every if (row["window"], row["adjustment"]) == (WINDOW, adjustment)]


def test_each_group_is_compared_with_neither_in_one_model(found: Results, place: Path) -> None:
    with eq.connect(place / "data") as source:
        people = eq.assemble(parse_study(asked()), source, analysis="risk")
    seen = people.column(f"observable | any_use | {WINDOW}") == 1
    seen &= np.isin(people.stratum, people.stratum[seen & (people.event == 1)])
    seen &= np.isin(people.stratum, people.stratum[seen & (people.event == 0)])
    used, ulcer = people.column(f"drug | any_use | {WINDOW}")[seen] == 1, people.column("ulcer[yes]")[seen] == 1
    x = np.column_stack([~used & ulcer, used & ~ulcer, used & ulcer]).astype(float)
    case, sets = people.event[seen], people.stratum[seen]
    for adjustment, columns in (("crude", x), ("adjusted", np.column_stack([x, people.column("born")[seen]]))):
        fit = eq.fit_conditional_logistic(columns, case=case, matched_set=sets)
        made = rows(found, adjustment)
        assert [row["level"] for row in made] == [
            "neither", "diagnosis only", "user without diagnosis", "user with diagnosis",
        ]  # fmt: skip
        assert [row["log_estimate"] for row in made[1:]] == pytest.approx(fit.coefficients[:3].tolist(), abs=CLOSE)
        assert [row["n_controls"] for row in made[1:]] == [int((x[:, j] * (case == 0)).sum()) for j in range(3)]
        assert 0 < made[3]["p_difference"] < 1


def test_everybody_is_at_one_level(found: Results) -> None:
    (exposure,) = [row for row in found.rows("exposure") if row["window"] == WINDOW]
    made = rows(found, "crude")
    assert sum(row["n_cases"] for row in made) == exposure["n_cases"]
    assert sum(row["n_cases"] for row in made if row["uses"] == "yes") == exposure["n_exposed_cases"]


def test_under_initiation_other_levels_of_use_are_neither_users_nor_reference(place: Path) -> None:
    with eq.connect(place / "data") as source:
        made = eq.run(
            parse_study(asked(readings=["initiation"])), source, to=place / "i", store=place / "store", min_cell_count=0
        )
    levels = {row["level"]: row for row in rows(made, "crude")}
    assert levels["other use without diagnosis"]["n_controls"] > 0
    assert levels["other use without diagnosis"]["uses"] is None
    (table,) = indication_tables(parse_study(asked(readings=["initiation"])), made.rows("indication"))
    shown = [str(row[0].content) for row in table.rows]
    assert "User with diagnosis" in shown
    assert not any(text.startswith("Other use") for text in shown)


def test_small_groups_and_a_small_reference_are_withheld() -> None:
    key = dict.fromkeys(("analysis", "comparison", "indication", "exposure", "window", "reading", "adjustment"), "x")
    few = [
        key | {"level": level, "n_cases": n, "n_controls": 30}
        for level, n in (("neither", 40), ("diagnosis only", 3), ("user with diagnosis", 0))
    ]
    assert few_of_indication(few, 5) == [False, True, False]
    assert few_of_indication([few[0] | {"n_cases": 4}, *few[1:]], 5) == [True, True, True]


@pytest.mark.parametrize(("name", "said"), [("born", "of kind 'birth_year'"), ("ulcers", "unknown covariate")])
def test_an_indication_is_an_event_that_the_study_defines(name: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_study(asked(indication=name))


def test_a_sensitivity_analysis_can_do_without_what_its_base_asks_for() -> None:
    raw = asked(lag_scan={"monthly_up_to_years": 2}, dose_response=[{"by": "dispensings", "groups_from": [2]}])
    without = {"lag_scan": "none", "indication": "none", "dose_response": []}
    raw["sensitivity"] = [{"id": "plain", "base": "risk", "why": "Without", "change": {"design": without}}]
    design = parse_study(raw).every_analysis()[1].case_control
    assert (design.lag_scan, design.indication, design.dose_response) == (None, None, ())
