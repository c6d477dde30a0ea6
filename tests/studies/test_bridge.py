"""Bridges between follow-up studies of a small nation: ends, sums, missing mixtures, the page, and what is refused."""

from math import fsum
from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.results.results import Results
from equipoise.runner.bridge import bridge
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_network import NetworkSection
from equipoise.spec.canonical import canonical
from equipoise.spec.elements import ELEMENTS, compare
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.cli.command import equipoise
from tests.studies.places import STUDIES

EXACT = 1e-12
TARGET = "antidepressants"


def prognosis(**design: Any) -> dict[str, Any]:
    """The study of prognosis with another design, as plain values."""
    raw = canonical(eq.read_study(STUDIES / "als-prognosis.toml"))
    raw["sensitivity"] = []
    raw["analyses"][0]["design"] |= {"target": [TARGET], **design}
    return raw


def later_study() -> dict[str, Any]:
    """Study B: the same things under other names, and four elements that differ."""
    raw = prognosis(lag_days=0, window="2 years before", new_users={"washout_days": 365})
    raw["analyses"][0] |= {"id": "later", "adjust_for": ["sex", "age"]}
    raw["cohorts"] = {"patients": raw["cohorts"]["als"] | {"label": "Everybody with ALS"}}
    raw["analyses"][0]["design"]["population"] = "patients"
    raw["exposures"][TARGET]["min_dispensings"] = 1
    return raw


def first_use_study() -> dict[str, Any]:
    """Study B: an active comparator from first use, among the same patients."""
    raw = prognosis(time_zero="first_use", window=None, lag_days=0, comparator="hypnotics")
    raw["analyses"][0]["id"] = "active"
    for name in (TARGET, "hypnotics"):
        raw["exposures"][name]["min_dispensings"] = 1
    return raw


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "data"
    eq.write_nation(folder, persons=20_000, multiplier=60.0)
    return folder


def walk(nation: Path, to: Path, a: Study, b: Study, **options: Any) -> Results:
    analyses = (a.analyses[0].id, b.analyses[0].id)
    with eq.connect(nation) as source:
        return bridge(a, b, source, analyses=analyses, to=to / "bridge", store=nation.parent / "store", **options)


def adjusted(nation: Path, to: Path, study: Study) -> float:
    with eq.connect(nation) as source:
        results = eq.run(study, source, to=to / study.analyses[0].id, store=nation.parent / "store")
    rows = results.rows("estimates")
    (row,) = [row for row in rows if (row["measure"], row["adjustment"]) == ("hazard_ratio", "adjusted")]
    return row["log_estimate"]


def test_the_ends_are_the_two_studies_and_contributions_add_up(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(later_study())
    results = walk(nation, tmp_path, a, b)
    steps, shares = results.rows("bridge_steps"), results.rows("bridge_contributions")
    assert [row["element"] for row in shares] == ["new_users", "exposure", "lag", "covariates"]
    assert len(steps) == 16
    path = [row for row in steps if row["path_position"] is not None]
    assert [row["switched"] for row in path][1] == "new_users"
    first, last = path[0]["log_estimate"], path[-1]["log_estimate"]
    assert first == pytest.approx(adjusted(nation, tmp_path, a), abs=EXACT)
    assert last == pytest.approx(adjusted(nation, tmp_path, b), abs=EXACT)
    assert abs(fsum(row["contribution"] for row in shares) - (last - first)) < EXACT
    assert abs(fsum(row["change"] for row in path[1:]) - (last - first)) < EXACT
    assert {row["n_orders"] for row in shares} == {24}
    assert all(row["least"] <= row["contribution"] <= row["most"] for row in shares)


def test_another_order_is_another_path_to_the_same_contributions(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(later_study())
    order = ["covariates", "lag", "exposure", "new_users"]
    one, other = walk(nation, tmp_path / "1", a, b), walk(nation, tmp_path / "2", a, b, order=order)
    path = [row for row in other.rows("bridge_steps") if row["path_position"] is not None]
    assert [row["element"] for row in path[1:]] == order
    assert one.rows("bridge_contributions") == other.rows("bridge_contributions")


def test_first_use_needs_a_comparator_and_no_lag_so_these_are_switched_first(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(first_use_study())
    results = walk(nation, tmp_path, a, b, min_cell_count=1)
    shares, steps = results.rows("bridge_contributions"), results.rows("bridge_steps")
    assert [row["element"] for row in shares] == ["time_zero", "exposure", "comparator", "lag"]
    lost = [row for row in steps if row["why_not"]]
    assert any(row["switched"] == "time_zero" for row in lost)
    assert all(row["reason"] == Reason.NOT_DEFINED for row in lost)
    assert all("first_use" in row["why_not"] or "dispensings" in row["why_not"] for row in lost)
    given = {row["switched"] for row in steps if row["reason"] is None}
    assert {"none", "time_zero, exposure, comparator, lag"} <= given
    # Time zero comes last in every order that can be walked: 3! orders of the others.
    assert {row["n_orders"] for row in shares} == {6}
    path = [row for row in steps if row["path_position"] is not None]
    assert path[-1]["element"] == "time_zero"
    difference = path[-1]["log_estimate"] - path[0]["log_estimate"]
    assert abs(fsum(row["contribution"] for row in shares) - difference) < EXACT


def test_without_an_end_there_is_a_reason(nation: Path, tmp_path: Path) -> None:
    raw = prognosis()
    raw["cohorts"]["als"]["age"] = {"min": 149}
    shares = walk(nation, tmp_path, parse_study(prognosis()), parse_study(raw)).rows("bridge_contributions")
    assert [(row["element"], row["contribution"], row["reason"]) for row in shares] == [
        ("population", None, Reason.ONE_ARM_EMPTY)
    ]


def test_estimates_on_few_persons_are_withheld_and_close_counts_hidden(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(later_study())
    results = walk(nation, tmp_path, a, b, min_cell_count=60)
    steps = results.rows("bridge_steps")
    assert {row["reason"] for row in steps} == {Reason.SMALL_CELLS}
    assert all(row["log_estimate"] is None and row["change"] is None for row in steps)
    assert {row["reason"] for row in results.rows("bridge_contributions")} == {Reason.SMALL_CELLS}
    shown = [row["n_cases"] for row in walk(nation, tmp_path, a, b).rows("bridge_steps") if row["n_cases"] is not None]
    assert all(one == other or abs(one - other) >= 5 for one in shown for other in shown)


def test_sampled_orders_above_ten_elements(nation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.runner.bridge.MOST_EXACT", 3)
    a, b = parse_study(prognosis()), parse_study(later_study())
    results = walk(nation, tmp_path, a, b, sampled_orders=30)
    shares = results.rows("bridge_contributions")
    path = [row for row in results.rows("bridge_steps") if row["path_position"] is not None]
    difference = path[-1]["log_estimate"] - path[0]["log_estimate"]
    assert abs(fsum(row["contribution"] for row in shares) - difference) < EXACT
    assert all(row["monte_carlo_error"] > 0 and row["n_orders"] == 30 for row in shares)


def test_a_database_of_its_own_is_an_element(nation: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    eq.write_nation(other, persons=20_000, multiplier=60.0, seed=8)
    a = parse_study(prognosis())
    with eq.connect(other) as source_b:
        results = walk(nation, tmp_path, a, a, source_b=source_b)
    (share,) = results.rows("bridge_contributions")
    values = [row["log_estimate"] for row in results.rows("bridge_steps")]
    assert (share["element"], share["in_a"], share["in_b"]) == (
        "data_view",
        "the first database",
        "the second database",
    )
    assert share["contribution"] == pytest.approx(values[1] - values[0], abs=EXACT)
    assert len(results.manifest["sources"]) == 2


def test_the_page_says_what_each_step_changed(nation: Path, tmp_path: Path) -> None:
    results = walk(nation, tmp_path, parse_study(prognosis()), parse_study(later_study()))
    page = eq.write_report(tmp_path / "bridge", tmp_path / "report.html").read_text(encoding="utf-8")
    assert "From “lag_days = 90” to “lag_days = 0”." in page
    assert "From “prevalent users included” to “new users, washout_days = 365”." in page
    assert "averages over all 24 orders" in page
    assert "use of Antidepressants" not in page.split("<nav")[0].replace("Use of", "use of")
    assert page.count('class="waterfall"') == 2
    assert eq.write_report(results, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_the_command(nation: Path, tmp_path: Path) -> None:
    study = STUDIES / "als-prognosis.toml"
    ends = (f"{study}:survival:{TARGET}", f"{study}:new-users:{TARGET}")
    done = equipoise("bridge", *ends, "--data", nation, "--to", tmp_path / "out", store=nation.parent / "store")
    assert done.returncode == 0, done.stderr
    assert "factor over all orders" in done.stdout
    assert (tmp_path / "out" / "report.html").exists()
    wrong = equipoise("bridge", f"{study}:survival", ends[1], "--data", nation, "--to", tmp_path / "no")
    assert wrong.returncode == 12
    assert "3 targets and none chosen" in wrong.stderr
    assert equipoise("bridge", study, ends[1], "--data", nation, "--to", tmp_path / "no").returncode == 2


def test_equal_definitions_under_other_names_are_no_difference() -> None:
    raw = prognosis()
    raw["cohorts"] = {"patients": raw["cohorts"]["als"]}
    raw["analyses"][0]["design"]["population"] = "patients"
    raw["concept_sets"]["motor neuron disease"] = raw["concept_sets"].pop("als")
    raw["cohorts"]["patients"]["entry"]["concept_set"] = "motor neuron disease"
    with pytest.raises(DesignError, match="no element in which they differ"):
        compare((parse_study(prognosis()), parse_study(raw)), ("survival", "survival"))


def test_covariates_move_with_a_propensity_score_where_the_other_study_has_neither() -> None:
    raw = prognosis(adjustment={"kind": "none"})
    raw["analyses"][0]["adjust_for"] = []
    weighed = parse_study(prognosis(adjustment={"kind": "weigh"}))
    found = compare((parse_study(raw), weighed), ("survival", "survival"))
    assert [item.element for item in found.differences] == ["adjustment"]
    assert found.differences[0].settings == (("adjust_for",), ("design", "adjustment"))
    # Regression without covariates is a study, so covariates have a step of their own.
    apart = compare((parse_study(raw), parse_study(prognosis())), ("survival", "survival"))
    assert [item.element for item in apart.differences] == ["covariates", "adjustment"]
    assert [apart.mixture(number).study is not None for number in range(4)] == [True, False, True, True]


def test_a_name_that_means_two_things_is_kept_apart() -> None:
    raw = prognosis()
    raw["concept_sets"]["antidepressants"]["include"][0]["code_prefix"] = "N06AB"
    found = compare((parse_study(prognosis()), parse_study(raw)), ("survival", "survival"))
    (difference,) = found.differences
    assert difference.element == "exposure"
    study = found.mixture(1).study
    assert study is not None
    (name,) = study.exposures[study.analyses[0].follow_up.target[0]].concept_sets
    assert study.concept_sets[name].include[0].code_prefix == "N06AB"


@pytest.mark.parametrize(
    ("analyses", "targets", "message"),
    [
        (("nothing", "survival"), (None, None), "not in the study"),
        (("survival", "survival"), ("statins", None), "unknown target 'statins'"),
        (("survival", "survival"), (None, None), "no element in which they differ"),
    ],
)
def test_what_cannot_be_compared_is_one_message(
    analyses: tuple[str, str], targets: tuple[str | None, str | None], message: str
) -> None:
    study = parse_study(prognosis())
    with pytest.raises(DesignError, match=message) as caught:
        compare((study, study), analyses, targets)
    assert len(caught.value.faults) == 1


def nothing_alike() -> dict[str, Any]:
    """Study B: another population, time zero, exposure, outcome, and everything else another."""
    raw = first_use_study()
    raw["cohorts"]["als"]["age"] = {"min": 50}
    for name in ("anxiolytics", "hypnotics"):
        raw["exposures"][name]["min_dispensings"] = 1
    raw["analyses"][0] |= {"adjust_for": ["age", "sex"]}
    raw["analyses"][0]["design"] |= {
        "target": ["anxiolytics"], "new_users": {"washout_days": 365}, "adjustment": {"kind": "weigh"},
        "outcome": {"any_of": ["psychiatric_diagnosis"]}, "follow_up": {"days": 365},
        "censoring": {"at_exit": True}, "estimator": {"kinds": ["cox"], "ties": "breslow"},
    }  # fmt: skip
    return raw


def test_two_analyses_with_nothing_in_common_are_one_message_and_one_shared_element_is_a_bridge() -> None:
    a, b = parse_study(prognosis()), nothing_alike()
    with pytest.raises(DesignError, match="no element in common") as caught:
        compare((a, parse_study(b)), ("survival", "active"))
    (fault,) = caught.value.faults
    assert (fault.where, fault.allowed) == ("studies A and B", "two analyses that share an element at least")
    with pytest.raises(DesignError, match="no element in common"):
        compare((a, parse_study(b)), ("survival", "active"), other_data=True)
    b["analyses"][0]["design"]["follow_up"] = {"days": 730}
    found = compare((a, parse_study(b)), ("survival", "active"))
    assert {item.element for item in found.differences} == set(ELEMENTS) - {"data_view", "follow_up"}


def test_the_command_says_in_one_message_that_there_is_nothing_to_bridge(tmp_path: Path) -> None:
    study = STUDIES / "als-prognosis.toml"
    end = f"{study}:survival:antidepressants"
    nation = tmp_path / "data"
    eq.write_nation(nation, persons=500)
    done = equipoise("bridge", end, end, "--data", nation, "--to", tmp_path / "out")
    assert done.returncode == DesignError.exit_code
    assert done.stderr.count("no element in which they differ") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_design_of_another_kind_or_without_a_hazard_ratio_is_refused() -> None:
    study = parse_study(prognosis())
    nested = eq.read_study(STUDIES / "nsaid-gi-bleed.toml")
    with pytest.raises(DesignError, match="design of kind 'nested_case_control'"):
        compare((study, nested), ("survival", nested.analyses[0].id))
    risks = parse_study(prognosis(estimator={"kinds": ["survival"], "time_points_days": [365], "ties": "efron"}))
    with pytest.raises(DesignError, match="no hazard ratio"):
        compare((study, risks), ("survival", "survival"))


def test_an_order_names_every_element_once(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(later_study())
    for order in (["lag"], ["lag", "lag", "exposure", "covariates"], ["population"]):
        with pytest.raises(DesignError, match="order"):
            walk(nation, tmp_path, a, b, order=order)


def test_persons_drawn_again_give_intervals_and_the_store_keeps_them(nation: Path, tmp_path: Path) -> None:
    a = parse_study(prognosis())
    raw = prognosis(lag_days=0)
    raw["analyses"][0]["adjust_for"] = ["sex", "age"]
    b = parse_study(raw)
    results = walk(nation, tmp_path / "1", a, b, replicates=25)
    shares = results.rows("bridge_contributions")
    assert [row["element"] for row in shares] == ["lag", "covariates"]
    assert all(row["conf_low"] < row["contribution"] < row["conf_high"] for row in shares)
    assert {row["n_replicates"] for row in shares} == {25}
    path = [row for row in results.rows("bridge_steps") if row["path_position"] is not None]
    assert path[0]["change_low"] is None
    assert all(row["change_low"] < row["change_high"] for row in path[1:])
    # An interval of a change is narrower than those of its ends would suggest: mixtures share their draws.
    assert path[1]["change_high"] - path[1]["change_low"] < 2 * 1.96 * path[0]["std_error"]
    again = walk(nation, tmp_path / "2", a, b, replicates=25)
    assert again.rows("bridge_contributions") == shares
    page = eq.write_report(results, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "percentiles over persons drawn again" in page


def test_on_a_nation_every_change_is_split_into_truth_and_bias(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(later_study())
    results = walk(nation, tmp_path, a, b, truth=[nation / "truth"])
    steps, shares = results.rows("bridge_steps"), results.rows("bridge_contributions")
    given = [row for row in steps if row["true_value"] is not None]
    assert len(given) == sum(row["log_estimate"] is not None for row in steps)
    assert all(abs(row["true_value"] + row["bias"] - row["log_estimate"]) < EXACT for row in given)
    # Drugs taken before the diagnosis do little after it, and that little is protective; users look far worse.
    assert all(-0.3 < row["true_value"] < 0 < row["bias"] for row in given)
    path = [row for row in steps if row["path_position"] is not None]
    true, bias = (path[-1][name] - path[0][name] for name in ("true_value", "bias"))
    assert abs(fsum(row["true_contribution"] for row in shares) - true) < EXACT
    assert abs(fsum(row["bias_contribution"] for row in shares) - bias) < EXACT
    assert all(abs(row["true_change"] + row["bias_change"] - row["change"]) < EXACT for row in path[1:])
    page = eq.write_report(results, tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'class="true"' in page
    assert "The true value of what is aimed at goes from" in page


def test_estimates_without_a_true_value_say_why(nation: Path, tmp_path: Path) -> None:
    a, b = parse_study(prognosis()), parse_study(prognosis(follow_up={"days": 730, "minimum_days": 30}))
    results = walk(nation, tmp_path, a, b, truth=[nation / "truth"])
    first, last = results.rows("bridge_steps")
    assert (first["no_truth"], last["true_value"]) == (None, None)
    assert last["no_truth"] == "who is followed depends on what happens after time zero"
    assert results.rows("bridge_contributions")[0]["true_contribution"] is None


def test_the_command_finds_the_network_and_the_truth_beside_the_data(tmp_path: Path) -> None:
    data = tmp_path / "nation"
    spec = NationSpec(network=NetworkSection(riluzole_treated=0))
    eq.write_nation(data, spec, persons=20_000, multiplier=100.0, views=("register", "network"))
    text = (STUDIES / "als-prognosis.toml").read_text(encoding="utf-8")
    text = text.replace("prior_observation_days = 1826\n", "")
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    other = tmp_path / "b.toml"
    other.write_text(text.replace('view = "register"', 'view = "network"'), encoding="utf-8")
    ends = (f"{tmp_path / 'a.toml'}:survival:{TARGET}", f"{other}:survival:{TARGET}")
    to = tmp_path / "out"
    done = equipoise("bridge", *ends, "--data", data, "--to", to, "--min-cell-count", 1, store=tmp_path / "store")
    assert done.returncode == 0, done.stderr
    page = (to / "report.html").read_text(encoding="utf-8")
    assert "a network of hospitals" in page
    assert "The true hazard ratio of what study A aims at is" in page


def test_a_score_from_everything_recorded_is_not_drawn_again(nation: Path, tmp_path: Path) -> None:
    raw = prognosis(adjustment={"kind": "weigh", "penalty": "lasso", "covariate_set": "everything"})
    raw["covariate_sets"] = {"everything": {"domains": ["condition"], "windows": [{"days_before": [0, 365]}]}}
    with pytest.raises(UnsupportedError, match="bootstrap with a covariate_set"):
        walk(nation, tmp_path, parse_study(prognosis()), parse_study(raw), replicates=10)


def test_a_covariate_set_of_one_study_is_known_in_every_mixture() -> None:
    raw = prognosis(adjustment={"kind": "weigh", "penalty": "lasso", "covariate_set": "everything"})
    raw["concept_sets"]["drug of interest"] = raw["concept_sets"].pop("antidepressants")
    raw["exposures"][TARGET]["concept_sets"] = ["drug of interest"]
    windows = [{"days_before": [0, 365]}]
    named = {"domains": ["drug"], "windows": windows, "leave_out": ["drug of interest"]}
    found = compare((parse_study(prognosis()), parse_study(raw | {"covariate_sets": {"everything": named}})),
                    ("survival", "survival"))  # fmt: skip
    assert [item.element for item in found.differences] == ["adjustment"]
    study = found.mixture(1).study
    assert study is not None
    assert study.covariate_sets["everything"].leave_out == ("antidepressants",)


class Listener:
    """Notes what it is told, and presses Ctrl-C once so many bootstraps are done."""

    def __init__(self, stop_after: int | None = None):
        self.expected, self.told, self.stop_after = 0, [], stop_after

    def start(self, n_steps: int) -> None:
        self.expected = n_steps

    def begin(self, name: str) -> None: ...

    def step(self, name: str, state: str) -> None:
        self.told.append((name, state))
        if len(self.drawn) == self.stop_after:
            raise KeyboardInterrupt

    def finish(self) -> None: ...

    @property
    def drawn(self) -> list[tuple[str, str]]:
        return [(name, state) for name, state in self.told if name.startswith("bootstrap")]


def test_an_interrupted_bootstrap_shows_how_far_it_is_and_goes_on_from_there(nation: Path, tmp_path: Path) -> None:
    raw = prognosis(lag_days=0)
    raw["analyses"][0]["adjust_for"] = ["sex", "age"]
    a, b, asked = parse_study(prognosis()), parse_study(raw), {"replicates": 21, "seed": 77}
    first, second = Listener(stop_after=2), Listener()
    with pytest.raises(KeyboardInterrupt):
        walk(nation, tmp_path / "1", a, b, progress=first, **asked)
    assert not (tmp_path / "1" / "bridge").exists()
    results = walk(nation, tmp_path / "2", a, b, progress=second, **asked)
    assert first.expected == second.expected == len(second.told) == 8  # four mixtures, then the bootstrap of each
    assert [state for _, state in second.drawn] == ["cached", "cached", "computed", "computed"]
    assert first.drawn == [(name, "computed") for name, _ in second.drawn[:2]]
    assert all(row["n_replicates"] == 21 for row in results.rows("bridge_contributions"))
