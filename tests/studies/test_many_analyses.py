"""Grids of analyses in one study file: what they expand to, what they share, and one failure that stops no other."""

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.cli.main import main
from equipoise.errors import DesignError, Fault, SourceError, SpecError, UnsupportedError
from equipoise.report.write import report_html
from equipoise.runner import estimate_arms
from equipoise.runner.steps import study_steps
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY

GRID = {
    "id": "all",
    "base": "main",
    "targets": ["antidepressants", "hypnotics"],
    "outcomes": ["death", "fracture"],
    "variations": [
        {
            "id": "crude",
            "why": "Without adjustment",
            "change": {"adjust_for": [], "design": {"adjustment": {"kind": "none"}}},
        },
        {"id": "matched", "why": "Matched", "change": {"design": {"adjustment": {"kind": "match"}}}},
    ],
}


def study(**grid: Any) -> dict[str, Any]:
    raw = deepcopy(STUDY)
    raw["concept_sets"]["fracture"] = {"domain": "condition", "include": [{"code_prefix": "S52"}]}
    raw["analyses"][0]["design"]["target"] = ["hypnotics"]
    raw["analyses"][0]["design"]["estimator"] = {"kinds": ["cox"]}
    return raw | {"grids": [GRID | grid]}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "register"
    write_nation(folder, persons=10_000, seed=3)
    return folder


def run(raw: dict[str, Any], database: Path, to: Path, **options: Any) -> eq.Results:
    with eq.connect(database) as source:
        return eq.run(parse_study(raw), source, to=to, store=options.pop("store", to.parent / "store"), **options)


def test_a_grid_is_every_combination_under_ids_that_stay() -> None:
    made = parse_study(study()).grid_analyses()
    assert [item.id for item in made] == [
        f"all.{target}.{outcome}.{way}"
        for target in ("antidepressants", "hypnotics")
        for outcome in ("death", "fracture")
        for way in ("crude", "matched")
    ]
    one = made[-1].follow_up
    assert one is not None
    assert (one.target, one.outcome.any_of, one.adjustment.kind) == (("hypnotics",), ("fracture",), "match")
    assert made[0].adjust_for == ()
    assert made[-1].label == "main: hypnotics, fracture, Matched"
    grown = parse_study(study(targets=["hypnotics", "antidepressants"])).grid_analyses()
    assert {item.id for item in grown} == {item.id for item in made}


def test_a_target_is_not_compared_with_itself_and_long_ids_are_cut() -> None:
    raw = study(comparators=["hypnotics", "antidepressants", "none"], variations=[], outcomes=[])
    ids = [item.id for item in parse_study(raw).grid_analyses()]
    assert ids == [
        "all.antidepressants.hypnotics",
        "all.antidepressants.none",
        "all.hypnotics.antidepressants",
        "all.hypnotics.none",
    ]
    raw["grids"][0]["id"] = "x" * 60
    long = [item.id for item in parse_study(raw).grid_analyses()]
    assert len(set(long)) == 4
    assert {len(item) for item in long} == {60}


def test_what_analyses_share_is_made_once(database: Path, tmp_path: Path) -> None:
    results = run(study(), database, tmp_path / "r")
    made = Counter(step["kind"] for step in results.manifest["steps"] if step["state"] == "computed")
    # Two targets by two outcomes; the third way of doing hypnotics and death is the main analysis itself, and what is
    # adjusted for changes the rows.
    assert (made["population"], made["member_records"]) == (1, 2)
    rows = Counter((row["analysis"], row["reason"]) for row in results.rows("estimates"))
    assert len({analysis for analysis, _ in rows}) == 9
    summary = results.rows("run_summary")
    assert [row["analysis"] for row in summary] == ["main", *(item.id for item in parse_study(study()).grid_analyses())]
    assert {row["state"] for row in summary} == {"completed"}
    assert sum(row["n_estimates"] for row in summary) == len(results.rows("estimates"))
    page = report_html(results)
    assert "Ratios of the grid all" in page
    assert "all.hypnotics.fracture.matched" in page


def breaks_for(monkeypatch: pytest.MonkeyPatch, analysis: str, error: BaseException) -> None:
    works = estimate_arms.estimates

    def estimates(inputs: Any, subset: Any, source: Any) -> Any:
        if analysis in (subset["id"], "every"):
            raise error
        return works(inputs, subset, source)

    monkeypatch.setattr(estimate_arms, "estimates", estimates)


def test_one_failing_analysis_stops_no_other(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("ties", "'exact'", "'efron'")
    breaks_for(monkeypatch, "all.hypnotics.death.matched", UnsupportedError(fault))
    results = run(study(), database, tmp_path / "r")
    summary = {row["analysis"]: row for row in results.rows("run_summary")}
    failed = summary.pop("all.hypnotics.death.matched")
    assert (failed["state"], failed["error"], failed["says"]) == ("failed", "UnsupportedError", str(fault))
    assert failed["step"] == "estimates of all.hypnotics.death.matched: hypnotics"
    assert {row["state"] for row in summary.values()} == {"completed"}
    assert {row["analysis"] for row in results.rows("estimates")} == set(summary)
    assert "failed: estimates of all.hypnotics.death.matched" in report_html(results)


def test_of_an_unforeseen_error_only_the_place_is_told(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_for(monkeypatch, "main", ValueError("person 1234"))
    results = run(study(), database, tmp_path / "r")
    row = results.rows("run_summary")[0]
    assert (row["state"], row["error"]) == ("failed", "ValueError")
    assert "1234" not in row["says"]
    assert row["says"].startswith("a defect of Equipoise at walk.py:")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SourceError(Fault("data", "gone")), MemoryError()])
def test_an_interruption_and_what_concerns_all_stop_the_run(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    breaks_for(monkeypatch, "main", error)
    with pytest.raises(type(error)):
        run(study(), database, tmp_path / "r")
    assert not (tmp_path / "r" / "manifest.json").exists()


def test_an_interruption_that_a_library_made_an_error_of_stops_the_run(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("query was interrupted")
    error.__cause__ = KeyboardInterrupt()
    breaks_for(monkeypatch, "main", error)
    with pytest.raises(RuntimeError):
        run(study(), database, tmp_path / "r")


def test_where_nothing_can_be_estimated_the_error_is_raised(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_for(monkeypatch, "every", DesignError(Fault("arms", "none")))
    with pytest.raises(DesignError, match="arms: none"):
        run(study(), database, tmp_path / "r")


def test_the_command_ends_with_14_and_names_what_failed(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks_for(monkeypatch, "main", UnsupportedError(Fault("ties", "'exact'")))
    toml = tmp_path / "study.toml"
    toml.write_text(as_toml(study()))
    store = ["--store", str(tmp_path / "store")]
    code = main(["run", str(toml), "--data", str(database), "--to", str(tmp_path / "r"), *store])
    said = capsys.readouterr().err
    assert code == 14
    assert "1 of 9 analyses failed (main: estimates of main: hypnotics: ties: 'exact')" in said


def as_toml(raw: dict[str, Any]) -> str:
    """Inline tables say anything that JSON says, with another sign between key and value."""

    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in item.items()) + " }"
        if isinstance(item, list | tuple):
            return "[" + ", ".join(map(value, item)) + "]"
        return json.dumps(item)

    return "\n".join(f"{key} = {value(item)}" for key, item in raw.items())


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing listed": ({"targets": [], "outcomes": [], "variations": []}, 'grids["all"]', "no list"),
    "one thing twice": ({"targets": ["hypnotics"] * 2}, 'grids["all"]', "targets that name one thing twice"),
    "a target nobody defined": ({"targets": ["hypnotic"]}, 'grids["all"].targets[0]', "unknown exposure 'hypnotic'"),
    "an outcome nobody defined": ({"outcomes": ["deth"]}, 'grids["all"].outcomes[0]', "unknown concept set 'deth'"),
    "a base nobody defined": ({"base": "mian"}, 'grids["all"].base', "unknown analysis 'mian'"),
    "a variation that contradicts itself": (
        {"variations": [{"id": "v", "why": "w", "change": {"design": {"adjustment": {"kind": "none"}}}}]},
        'grids["all"].variations["v"].change.adjust_for',
        "2 covariates with adjustment of kind 'none'",
    ),
    "a variation with an unknown setting": (
        {"variations": [{"id": "v", "why": "w", "change": {"design": {"outcom": 1}}}]},
        'grids["all"].variations["v"].change.design.outcom',
        "unknown key",
    ),
    "a variation that sets what a list sets": (
        {"variations": [{"id": "v", "why": "w", "change": {"design": {"target": ["hypnotics"]}}}]},
        'grids["all"].variations["v"].change.design.target',
        "target in a grid with targets",
    ),
    "the id of another analysis": (
        {"id": "main", "targets": ["hypnotics"], "outcomes": [], "variations": []},
        'grids["main"].id',
        "'main' is used twice",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_grid_is_named(name: str) -> None:
    change, where, found = FAULTS[name]
    with pytest.raises(SpecError) as caught:
        parse_study(study(**change))
    assert (where, found) in [(fault.where, fault.found) for fault in caught.value.faults]


def test_a_plan_holds_every_analysis_of_a_grid() -> None:
    steps = study_steps(parse_study(study()), 1)
    assert {step.analysis for step in steps} >= {item.id for item in parse_study(study()).grid_analyses()}
