"""Target trials from study file to tables: a small database made by hand, and a nation."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import equipoise as eq
from equipoise.errors import Reason
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.spec.read import parse_study

DAY = np.timedelta64(1, "D")
ENTRY = np.datetime64("2010-01-01")
PERSONS = 1_000


def database(seed: int = 3, start_share: float = 0.5) -> dict[str, pa.Table]:
    """Persons with a diagnosis; severity makes both starting the drug and death more likely; the drug does nothing."""
    rng = np.random.default_rng(seed)
    n = PERSONS
    severity = rng.random(n) < 0.4
    hazard = np.where(severity, 1 / 300, 1 / 900)
    death = ENTRY + np.ceil(rng.exponential(1 / hazard)).astype(int) * DAY
    starts = ENTRY + rng.integers(0, 80, n) * DAY
    takes = rng.random(n) < np.where(severity, start_share, 0.4 * start_share)
    which = np.where(rng.random(n) < 0.5, "A", "B")
    end = np.minimum(death, ENTRY + rng.integers(200, 1500, n) * DAY)
    dead = death <= end
    used = takes & (starts <= end)
    ids = np.arange(1, n + 1)
    return {
        "person": pa.table(
            {"person_id": ids, "gender_concept_id": np.full(n, 8507), "year_of_birth": np.full(n, 1950)}
        ),
        "observation_period": pa.table(
            {"person_id": ids, "observation_period_start_date": np.full(n, np.datetime64("2000-01-01")),
             "observation_period_end_date": end}
        ),
        "death": pa.table({"person_id": ids[dead], "death_date": death[dead]}),
        "condition_occurrence": pa.table(
            {"person_id": np.concatenate([ids, ids[severity]]),
             "condition_concept_id": np.zeros(n + severity.sum(), int),
             "condition_start_date": np.concatenate([np.full(n, ENTRY), np.full(int(severity.sum()), ENTRY - 9 * DAY)]),
             "condition_source_value": ["G12.2"] * n + ["SEV"] * int(severity.sum())}
        ),
        "drug_exposure": pa.table(
            {"person_id": ids[used], "drug_concept_id": np.zeros(int(used.sum()), int),
             "drug_exposure_start_date": starts[used], "drug_source_value": which[used],
             "days_supply": np.full(int(used.sum()), 30)}
        ),
    }  # fmt: skip


STUDY = """
spec_version = 1
id = "trial"
title = "A trial"
seed = 5
question = { text = "Does it?" }

[concept_sets]
disease = { domain = "condition", include = [{ code_prefix = "G12" }] }
severe = { domain = "condition", label = "Severe disease", include = [{ code_prefix = "SEV" }] }
a = { domain = "drug", include = [{ code_prefix = "A" }] }
b = { domain = "drug", include = [{ code_prefix = "B" }] }

[cohorts]
patients = { entry = { concept_set = "disease" } }

[exposures]
a = { label = "drug A", concept_sets = ["a"] }
b = { label = "drug B", concept_sets = ["b"] }

[windows]

[[covariates]]
name = "severe"
kind = "event"
concept_set = "severe"
window = { days_before = [0, 365] }

[[analyses]]
id = "main"
adjust_for = ["severe"]

[analyses.design]
kind = "target_trial"
population = "patients"
follow_up = 12
outcome = { any_of = ["death"] }
strategies = [
    { name = "none", start = "none", within = 3 },
    { name = "a", start = "a", within = 3 },
    { name = "b", start = "b", within = 3 },
]

[analyses.design.estimation]
methods = ["clone_censor_weight", "g_formula", "doubly_robust"]
follow_up_terms = "linear"
time_points = [6, 12]
bootstrap = 20
simulations = 1000
weights = { truncate = [0, 100] }
"""


METHODS = ("crude", "clone, censor, weight", "g-formula", "doubly robust")


def write(tables: dict[str, pa.Table], folder: Path) -> Path:
    folder.mkdir()
    for name, table in tables.items():
        parquet.write_table(table, folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with eq.connect(str(write(database(), tmp_path_factory.mktemp("data") / "db"))) as opened:
        yield opened


def run(
    source: Any, to: Path, changes: dict[str, Any] | None = None, store: Path | None = None, **options: Any
) -> Results:
    raw = tomllib.loads(STUDY)
    design = raw["analyses"][0]["design"]
    for key, value in (changes or {}).items():
        design[key] = design[key] | value if isinstance(value, dict) and isinstance(design.get(key), dict) else value
    return eq.run(parse_study(raw), source, to=to, store=store or to.parent / "store", min_cell_count=0, **options)


@pytest.fixture(scope="module")
def results(source: Any, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(source, tmp_path_factory.mktemp("whole") / "results")


def chosen(results: Results, measure: str, method: str, target: str, reference: str = "every strategy") -> dict:
    rows = [
        row for row in results.rows("estimates")
        if (row["measure"], row["adjustment"], row["exposure"], row["comparison"])
        == (measure, method, target, reference) and row["time_point_days"] in (None, 365)
    ]  # fmt: skip
    assert len(rows) == 1
    return rows[0]


def test_every_method_gives_risks_and_contrasts_of_every_pair(results: Results) -> None:
    rows = results.rows("estimates")
    for method in METHODS:
        own = [row for row in rows if row["adjustment"] == method and row["measure"] != "hazard_ratio"]
        assert {(row["exposure"], row["comparison"]) for row in own} == {
            ("none", "every strategy"), ("a", "every strategy"), ("b", "every strategy"),
            ("a", "none"), ("b", "none"), ("b", "a"),
        }  # fmt: skip
        assert {row["time_point_days"] for row in own} == {182, 365}
        assert all(row["reason"] is None and row["conf_low"] < row["estimate"] < row["conf_high"] for row in own)
    ratios = [row for row in rows if row["measure"] == "hazard_ratio"]
    assert [(row["exposure"], row["comparison"]) for row in ratios] == [("a", "none"), ("b", "none"), ("b", "a")]
    assert all(row["conf_low"] < row["estimate"] < row["conf_high"] for row in ratios)


def test_contrasts_are_those_of_the_risks(results: Results) -> None:
    for method in METHODS:
        risk = {name: chosen(results, "risk", method, name)["estimate"] for name in ("none", "a", "b")}
        for target, reference in (("a", "none"), ("b", "none"), ("b", "a")):
            difference = chosen(results, "risk_difference", method, target, reference)["estimate"]
            ratio = chosen(results, "risk_ratio", method, target, reference)
            assert difference == pytest.approx(risk[target] - risk[reference], abs=1e-12)
            assert ratio["estimate"] == pytest.approx(risk[target] / risk[reference], rel=1e-12)
            assert ratio["log_estimate"] == pytest.approx(np.log(ratio["estimate"]), abs=1e-12)


def test_methods_agree_and_move_away_from_the_crude_estimate(results: Results) -> None:
    """Severity makes users die earlier, and nothing else: with it the difference goes towards none."""
    crude = chosen(results, "risk_difference", "crude", "a", "none")["estimate"]
    adjusted = [chosen(results, "risk_difference", method, "a", "none") for method in METHODS[1:]]
    assert all(row["estimate"] < crude - 0.03 for row in adjusted)
    assert abs(adjusted[0]["estimate"] - adjusted[1]["estimate"]) < 0.03  # the doubly robust one has wider limits
    assert all(row["conf_low"] < 0.0 < row["conf_high"] for row in adjusted)


def test_the_crude_risk_without_treatment_is_that_of_a_hand_count(results: Results) -> None:
    """Of those who keep to a strategy: hazards by month multiplied up, against the model linear in the month."""
    rows = {row["strategy"]: row for row in results.rows("trial_strategies")}
    assert {row["n_trials"] for row in rows.values()} == {PERSONS}
    names = ("n_events", "n_competing", "n_deviated", "n_lost", "n_completed")
    assert all(sum(row[name] for name in names) == PERSONS for row in rows.values())
    follow_up = [row for row in results.rows("trial_follow_up") if row["strategy"] == "none"]
    assert follow_up[0]["n_at_risk"] == PERSONS
    free = 1.0
    for row in follow_up:
        free *= 1.0 - row["n_events"] / row["n_at_risk"]
    assert chosen(results, "risk", "crude", "none")["estimate"] == pytest.approx(1.0 - free, abs=0.03)


def test_protocol_curves_positivity_and_report(results: Results) -> None:
    protocol = results.rows("trial_protocol")
    assert [row["element"] for row in protocol] == [
        "Eligibility", "Treatment strategies", "Assignment", "Time zero", "Follow-up", "Outcome", "Causal contrast",
        "Assumptions", "Analysis",
    ]  # fmt: skip
    months = [row for row in results.rows("trial_positivity") if row["previous"] == "none"]
    assert [row["position"] for row in months] == [1, 2, 3]
    assert all(row["violated"] == "no" and 0 < row["n_changes"] < row["n_rows"] for row in months)
    curves = results.rows("trial_curves")
    assert {row["method"] for row in curves} == set(METHODS)
    for method in METHODS[:3]:
        days = [row["time_days"] for row in curves if (row["method"], row["strategy"]) == (method, "a")]
        assert days == sorted(days)
        assert len(days) == 12
    page = report_html(results)
    for text in ("Protocol of the target trial and its emulation", "Agreement of methods", "Weights over time",
                 "Positivity: who could change treatment", "start drug A in the first 3 months"):  # fmt: skip
        assert text in page


def test_the_same_seed_gives_the_same_numbers_and_a_second_run_does_no_work(source: Any, tmp_path: Path) -> None:
    changes = {"estimation": {"methods": ["clone_censor_weight"], "bootstrap": 27, "time_points": [12]}}
    first = run(source, tmp_path / "one", changes, tmp_path / "s1")
    again = run(source, tmp_path / "two", changes, tmp_path / "s2")
    assert first.rows("estimates") == again.rows("estimates")
    states = run(source, tmp_path / "three", changes, tmp_path / "s1").manifest["steps"]
    assert {step["state"] for step in states} == {"cached"}
    names = [step["name"] for step in states if step["kind"] == "trial_bootstrap"]
    assert names == [
        "bootstrap of main: clone_censor_weight, 1 to 25 of 27",
        "bootstrap of main: clone_censor_weight, 26 to 27 of 27",
    ]


def test_a_strategy_that_nobody_starts_has_a_reason_and_the_others_estimates(source: Any, tmp_path: Path) -> None:
    raw = tomllib.loads(STUDY)
    raw["concept_sets"]["b"]["include"] = [{"code_prefix": "NOBODY"}]
    raw["analyses"][0]["design"]["estimation"] |= {"methods": ["clone_censor_weight"], "bootstrap": 0}
    found = eq.run(parse_study(raw), source, to=tmp_path / "r", store=tmp_path / "s", min_cell_count=0)
    rows = [row for row in found.rows("estimates") if "b" in (row["exposure"], row["comparison"])]
    assert {row["reason"] for row in rows} == {"ONE_ARM_EMPTY"}
    others = [row for row in found.rows("estimates") if row not in rows]
    assert all(row["reason"] is None for row in others)
    assert "one arm empty" in report_html(found)


def test_as_assigned_is_not_defined_where_everybody_could_be_in_every_arm(source: Any, tmp_path: Path) -> None:
    found = run(source, tmp_path / "r", {"contrast": "as_assigned", "estimation": {"bootstrap": 0}})
    assert {row["reason"] for row in found.rows("estimates")} == {"NOT_DEFINED"}
    assert "Not defined" in report_html(found)


SUSTAINED = [
    {"name": "none", "start": "none", "sustained": True},
    {"name": "a", "start": "a", "sustained": True},
    {"name": "b", "start": "b", "sustained": True},
]


@pytest.mark.parametrize("contrast", ["as_assigned", "per_protocol", "as_treated"])
def test_sequential_trials_start_every_month(source: Any, tmp_path: Path, contrast: str) -> None:
    changes = {
        "time_zero": "every_interval", "last_start": 2, "follow_up": 6, "treatment": "supply", "contrast": contrast,
        "strategies": SUSTAINED, "new_users": {"washout_days": 60},
        "estimation": {"methods": ["sequential_trials"], "bootstrap": 0, "time_points": [6], "trial_terms": "linear"},
    }  # fmt: skip
    found = run(source, tmp_path / "r", changes)
    rows = [row for row in found.rows("estimates") if row["adjustment"] == "sequential trials"]
    assert {row["measure"] for row in rows} == {"risk", "risk_difference", "risk_ratio", "hazard_ratio"}
    assert all(row["estimate"] is not None for row in rows), [row["reason"] for row in rows]
    started = {row["strategy"]: row["n_trials"] for row in found.rows("trial_strategies")}
    assert started["none"] > PERSONS
    assert min(started.values()) > 5


def test_a_dynamic_strategy_waits_for_its_condition(source: Any, tmp_path: Path) -> None:
    raw = tomllib.loads(STUDY)
    raw["concept_sets"]["b"]["label"] = "B"
    raw["covariates"].append(
        {"name": "took b", "kind": "event", "concept_set": "b", "window": {"days_before": [0, 400]}}
    )
    design = raw["analyses"][0]["design"]
    design |= {
        "time_varying": ["took b"],
        "strategies": [{"name": "none", "start": "none", "within": 12},
                       {"name": "a after b", "start": "a", "within": 1, "when": "took b"}],
    }  # fmt: skip
    design["estimation"] = {"methods": ["clone_censor_weight"], "follow_up_terms": "linear", "hazard_ratios": False}
    found = eq.run(parse_study(raw), source, to=tmp_path / "r", store=tmp_path / "s", min_cell_count=0)
    row = next(row for row in found.rows("trial_strategies") if row["strategy"] == "a after b")
    assert row["n_deviated"] > 0
    assert sum(row[name] for name in ("n_events", "n_competing", "n_deviated", "n_lost", "n_completed")) == PERSONS


def moved(tables: dict[str, pa.Table], first: int, last: int, to: int) -> dict[str, pa.Table]:
    """The tables with all dispensings between two days after entry moved to another day."""
    drugs = tables["drug_exposure"]
    days = drugs["drug_exposure_start_date"].to_numpy().astype("datetime64[D]")
    after = (days - ENTRY) // DAY
    days = np.where((after >= first) & (after <= last), ENTRY + to * DAY, days)
    at = drugs.schema.get_field_index("drug_exposure_start_date")
    return tables | {"drug_exposure": drugs.set_column(at, "drug_exposure_start_date", pa.array(days))}


def test_positivity_violated_in_one_month_is_shown(tmp_path: Path) -> None:
    folder = write(moved(database(), 31, 60, 5), tmp_path / "db")
    changes = {"estimation": {"methods": ["clone_censor_weight"], "bootstrap": 0}}
    with eq.connect(str(folder)) as source:
        found = run(source, tmp_path / "r", changes)
    months = {row["position"]: row for row in found.rows("trial_positivity") if row["previous"] == "none"}
    assert {position: row["violated"] for position, row in months.items()} == {1: "no", 2: "yes", 3: "no"}
    assert months[2]["n_changes"] == 0
    rows = [row for row in found.rows("estimates") if row["measure"] == "risk"]
    assert all(row["reason"] is None for row in rows)  # nobody has to start in the second month


def test_everybody_starts_at_once_so_that_nobody_is_without_treatment(tmp_path: Path) -> None:
    tables = database()
    ids = tables["person"]["person_id"]
    drug = {"person_id": ids, "drug_concept_id": np.zeros(PERSONS, int), "days_supply": np.full(PERSONS, 30),
            "drug_exposure_start_date": np.full(PERSONS, ENTRY), "drug_source_value": ["A"] * PERSONS}  # fmt: skip
    changes = {"estimation": {"methods": ["clone_censor_weight", "g_formula", "doubly_robust"], "bootstrap": 0}}
    with eq.connect(str(write(tables | {"drug_exposure": pa.table(drug)}, tmp_path / "db"))) as source:
        found = run(source, tmp_path / "r", changes)
    assert {row["reason"] for row in found.rows("estimates")} == {"ONE_ARM_EMPTY"}


def test_small_counts_are_hidden(source: Any, tmp_path: Path) -> None:
    raw = tomllib.loads(STUDY)
    raw["analyses"][0]["design"]["estimation"] |= {"methods": ["clone_censor_weight"], "bootstrap": 0}
    found = eq.run(parse_study(raw), source, to=tmp_path / "r", store=tmp_path / "s")
    for name in ("trial_strategies", "trial_follow_up", "trial_positivity"):
        for row in found.rows(name):
            assert all(
                row[key] is None or not 0 < row[key] < 5 for key in row if key.startswith("n_") and "_sup" not in key
            )


def test_the_panel_by_hand_is_what_the_estimators_take(source: Any, results: Results) -> None:
    study = parse_study(tomllib.loads(STUDY))
    panel = eq.assemble_panel(study, source, analysis="main")
    assert len(np.unique(panel["person"])) == PERSONS
    fit = eq.fit_clone_censor_weight(
        panel, person="person", period="period", treatment="treatment", eligible="eligible", outcome="outcome",
        censored="censored", follow_up_terms="linear", max_follow_up=12, order="events_first",
        strategies={name: eq.Strategy(k, grace=2, sustained=False) for k, name in enumerate("oab")},

    )  # fmt: skip
    assert fit.risks([11]).risk[0, 0] == pytest.approx(chosen(results, "risk", "crude", "none")["estimate"], rel=1e-9)


def test_what_is_not_a_target_trial_is_refused(source: Any) -> None:
    study = parse_study(tomllib.loads(STUDY))
    with pytest.raises(eq.DesignError, match="not a target trial of the study"):
        eq.assemble_panel(study, source, analysis="other")
    with pytest.raises(eq.DesignError, match="call assemble_panel"):
        eq.assemble(study, source, analysis="main")


def dispensed(ids: np.ndarray, day: int, supply: int) -> pa.Table:
    return pa.table(
        {"person_id": ids, "drug_concept_id": np.zeros(len(ids), int), "drug_source_value": ["A"] * len(ids),
         "drug_exposure_start_date": np.full(len(ids), ENTRY + day * DAY), "days_supply": np.full(len(ids), supply)}
    )  # fmt: skip


TWO = [{"name": "none", "start": "none", "sustained": True}, {"name": "a", "start": "a", "sustained": True}]
KEPT = {"treatment": "supply", "strategies": TWO, "follow_up": 6}
EVERY_SECOND = np.arange(1, PERSONS + 1, 2)


def of_strategies(found: Results, method: str) -> dict[tuple[str, str], tuple[float | None, str | None]]:
    return {
        (row["exposure"], row["measure"]): (row["estimate"], row["reason"]) for row in found.rows("estimates")
        if row["adjustment"] == method
    }  # fmt: skip


def test_where_nobody_deviates_per_protocol_is_as_assigned(tmp_path: Path) -> None:
    """Every second person starts on the day of entry with supply for years, the others never start."""
    estimation = {"methods": ["sequential_trials"], "bootstrap": 0, "time_points": [6]}
    tables = database() | {"drug_exposure": dispensed(EVERY_SECOND, 0, 3000)}
    with eq.connect(str(write(tables, tmp_path / "db"))) as source:
        answers = [
            of_strategies(
                run(
                    source, tmp_path / contrast, KEPT | {"contrast": contrast, "estimation": estimation}, tmp_path / "s"
                ),
                "sequential trials",
            )
            for contrast in ("as_assigned", "per_protocol", "as_treated")
        ]
    assert all(reason is None for _, reason in answers[0].values())
    for answer in answers[1:]:
        assert answer.keys() == answers[0].keys()
        for key, (value, reason) in answer.items():
            assert (pytest.approx(value, rel=1e-9), reason) == answers[0][key]


def test_where_everybody_deviates_no_method_has_a_number(tmp_path: Path) -> None:
    """Half start on the day of entry and stop, half start later: from the third month on nobody keeps to anything."""
    later = np.setdiff1d(np.arange(1, PERSONS + 1), EVERY_SECOND)
    drugs = pa.concat_tables([dispensed(EVERY_SECOND, 0, 10), dispensed(later, 40, 10)])
    methods = ["clone_censor_weight", "g_formula", "doubly_robust"]
    estimation = {"methods": methods, "bootstrap": 3, "time_points": [1, 6], "hazard_ratios": False, "simulations": 200}
    with eq.connect(str(write(database() | {"drug_exposure": drugs}, tmp_path / "db"))) as source:
        found = run(source, tmp_path / "r", KEPT | {"estimation": estimation}, tmp_path / "s")
    counts = {row["strategy"]: row for row in found.rows("trial_strategies")}
    assert {row["n_completed"] for row in counts.values()} == {0}
    late = [row for row in found.rows("estimates") if row["time_point_days"] == 182]
    assert {row["adjustment"] for row in late} == set(METHODS)
    assert all(row["estimate"] is None and row["conf_low"] is None and row["reason"] for row in late)
    first = [row for row in found.rows("estimates") if row["time_point_days"] == 30 and row["measure"] == "risk"]
    assert all(row["estimate"] is not None for row in first if row["adjustment"] == "g-formula")
    assert "Not identified" in report_html(found) or "not identified" in report_html(found)


def test_a_grace_period_to_whose_end_nobody_is_observed_has_a_reason(source: Any, tmp_path: Path) -> None:
    last_day = (ENTRY + 19 * DAY).astype(object)
    found = run(source, tmp_path / "r", {"last_day": last_day, "estimation": {"bootstrap": 0}}, tmp_path / "s")
    assert {row["reason"] for row in found.rows("estimates")} == {"BEYOND_FOLLOW_UP"}
    assert "beyond follow up" in report_html(found)


def test_a_drug_that_nobody_starts_in_time_has_no_estimate(source: Any, tmp_path: Path) -> None:
    """Its first dispensings lie after the grace period; before, a model of the grace period alone answered for it."""
    tables = database()
    drugs = tables["drug_exposure"]
    days = drugs["drug_exposure_start_date"].to_numpy().copy()
    late = drugs["drug_source_value"].to_numpy(zero_copy_only=False) == "B"
    ends = tables["observation_period"]["observation_period_end_date"].to_numpy()[drugs["person_id"].to_numpy() - 1]
    days[late] = np.minimum(ENTRY + 200 * DAY, ends[late])
    at = drugs.schema.get_field_index("drug_exposure_start_date")
    kept = pa.array(~late | (ends >= ENTRY + 200 * DAY))
    tables["drug_exposure"] = drugs.set_column(at, "drug_exposure_start_date", pa.array(days)).filter(kept)
    with eq.connect(str(write(tables, tmp_path / "db"))) as opened:
        found = run(opened, tmp_path / "r", {"estimation": {"bootstrap": 0}})
    of_b = [row for row in found.rows("estimates") if "b" in (row["exposure"], row["comparison"])]
    assert {row["reason"] for row in of_b} == {Reason.ONE_ARM_EMPTY}
    others = [row for row in found.rows("estimates") if "b" not in (row["exposure"], row["comparison"])]
    assert all(row["estimate"] is not None for row in others)


def test_hazard_ratios_where_events_come_first_are_not_diluted_by_the_first_month(tmp_path: Path) -> None:
    """Copies are alike in it; a drug that halves the hazard from its first day on, started by half within the month."""
    rng, n = np.random.default_rng(5), 4_000
    starts = np.where(rng.random(n) < 0.5, rng.integers(0, 28, n), 9_999)
    draw, rate = rng.exponential(size=n), 1 / 400
    dies = np.where(draw / rate <= starts, draw / rate, starts + 2 * (draw / rate - starts))
    death, end = ENTRY + np.ceil(dies).astype(int) * DAY, np.full(n, ENTRY + 800 * DAY)
    dead, ids = death <= end, np.arange(1, n + 1)
    used = starts < np.minimum(dies, 28)
    tables = {
        "person": pa.table(
            {"person_id": ids, "gender_concept_id": np.full(n, 8507), "year_of_birth": np.full(n, 1950)}
        ),
        "observation_period": pa.table(
            {"person_id": ids, "observation_period_start_date": np.full(n, np.datetime64("2000-01-01")),
             "observation_period_end_date": np.minimum(death, end)}
        ),
        "death": pa.table({"person_id": ids[dead], "death_date": death[dead]}),
        "condition_occurrence": pa.table(
            {"person_id": ids, "condition_concept_id": np.zeros(n, int), "condition_start_date": np.full(n, ENTRY),
             "condition_source_value": ["G12.2"] * n}
        ),
        "drug_exposure": pa.table(
            {"person_id": ids[used], "drug_concept_id": np.zeros(int(used.sum()), int),
             "drug_exposure_start_date": ENTRY + starts[used] * DAY, "drug_source_value": ["A"] * int(used.sum())}
        ),
    }  # fmt: skip
    changes = {
        "follow_up": 24, "strategies": [{"name": "none", "start": "none"}, {"name": "a", "start": "a"}],
        "estimation": {"methods": ["clone_censor_weight"], "bootstrap": 0, "time_points": [24]},
    }  # fmt: skip
    with eq.connect(str(write(tables, tmp_path / "db"))) as opened:
        found = run(opened, tmp_path / "r", changes)
    (row,) = [row for row in found.rows("estimates") if row["measure"] == "hazard_ratio"]
    assert row["estimate"] == pytest.approx(0.53, abs=0.04)  # half, but for the month in which the copies are alike
