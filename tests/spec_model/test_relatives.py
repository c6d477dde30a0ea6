"""Study files with relatives, subgroups, lags and published figures: what is wrong is named."""

from copy import deepcopy

import pytest

from equipoise.errors import SpecError
from equipoise.spec.read import parse_study

STUDY = {
    "spec_version": 1,
    "id": "families",
    "title": "Families",
    "question": {"text": "Who?"},
    "concept_sets": {
        "als": {"domain": "condition", "include": [{"code_prefix": "G12"}]},
        "drug": {"domain": "drug", "include": [{"code_prefix": "N06A"}]},
    },
    "cohorts": {"als": {"entry": {"concept_set": "als"}}},
    "exposures": {"drug": {"concept_sets": ["drug"]}},
    "windows": {"ever": {"days_before": [0, float("inf")]}},
    "covariates": [
        {"name": "sex", "kind": "sex"},
        {"name": "birth year", "kind": "birth_year"},
        {"name": "years", "kind": "age"},
    ],
    "analyses": [
        {
            "id": "risk",
            "subgroups": ["sex"],
            "cluster": "family",
            "design": {
                "kind": "nested_case_control",
                "cases": "als",
                "comparisons": ["population", "siblings", "spouses"],
                "relatives": {"siblings_per_case": 3, "compared_on": "case_age"},
                "exposures": ["drug"],
                "windows": ["ever"],
                "lag_scan": {"days": [0, 365]},
            },
        }
    ],
    "published": [
        {
            "analysis": "risk",
            "exposure": "drug",
            "window": "ever",
            "estimate": 1.2,
            "conf_low": 1.0,
            "conf_high": 1.5,
            "status": "firm",
            "source": "A paper",
        }
    ],
}


def faults(path: str, value: object) -> list[tuple[str, str]]:
    """Where and what, after one change; `path` leads there by keys and numbers."""
    raw = deepcopy(STUDY)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = raw
    for part in parents:
        place = place[part]
    place[last] = value
    with pytest.raises(SpecError) as error:
        parse_study(raw)
    return [(fault.where, fault.found) for fault in error.value.faults]


def test_a_study_of_families_is_read() -> None:
    design = parse_study(STUDY).analyses[0].case_control
    assert design.comparisons == ("population", "siblings", "spouses")
    assert design.relatives.siblings_per_case == 3
    assert design.lag_scan.lags == (0, 365)


DESIGN = "analyses/0/design"


@pytest.mark.parametrize(
    ("path", "value", "where", "found"),
    [
        (f"{DESIGN}/comparisons", ["twins"], 'analyses["risk"].design.comparisons[0]', "'twins'"),
        (f"{DESIGN}/comparisons", ["siblings", "siblings"], 'analyses["risk"].design.comparisons', "'siblings' twice"),
        (f"{DESIGN}/comparisons", ["spouses"], 'analyses["risk"].design.relatives', "settings of siblings"),
        ("analyses/0/interval", "profile", 'analyses["risk"].interval', "profile intervals with cluster = 'family'"),
        (f"{DESIGN}/within_between", ["twins"], 'analyses["risk"].design.within_between[0]', "'twins'"),
        (
            f"{DESIGN}/within_between",
            ["cousins"],
            'analyses["risk"].design.within_between[0]',
            "'cousins' is not a comparison with relatives",
        ),
        (
            f"{DESIGN}/within_between",
            ["population"],
            'analyses["risk"].design.within_between[0]',
            "'population' is not a comparison with relatives",
        ),
        (
            f"{DESIGN}/within_between",
            ["spouses", "spouses"],
            'analyses["risk"].design.within_between',
            "'spouses' twice",
        ),
        (
            f"{DESIGN}/within_between",
            ["siblings"],
            'analyses["risk"].design.within_between',
            'with relatives.compared_on = "case_age"',
        ),
        (f"{DESIGN}/lag_scan", {"days": [365, 0]}, 'analyses["risk"].design.lag_scan', "lags that do not rise"),
        (f"{DESIGN}/lag_scan", {}, 'analyses["risk"].design.lag_scan', "neither days nor monthly_up_to_years"),
        (
            f"{DESIGN}/dose_response",
            [{"by": "dispensings", "groups_from": [3, 2]}],
            'analyses["risk"].design.dose_response[0]',
            "groups_from = [3, 2]",
        ),
        (
            f"{DESIGN}/dose_response",
            [{"by": "dispensings", "groups_from": [1, 2]}],
            'analyses["risk"].design.dose_response[0]',
            "groups_from = [1, 2]",
        ),
        (
            f"{DESIGN}/dose_response",
            [{"by": "tablets", "groups_from": [2]}],
            'analyses["risk"].design.dose_response[0].by',
            "'tablets'",
        ),
        (
            f"{DESIGN}/dose_response",
            [{"by": "milligrams", "groups_from": [2], "windows": ["0-1 y"]}],
            'analyses["risk"].design.dose_response[0].windows[0]',
            "'0-1 y' is not a window of the design",
        ),
        (
            f"{DESIGN}/dose_response",
            [{"by": "milligrams", "groups_from": [2]}, {"by": "milligrams", "groups_from": [9], "windows": ["ever"]}],
            'analyses["risk"].design.dose_response[1].by',
            "'milligrams' twice for a window",
        ),
        ("exposures/drug/daily_doses", {"other": 20}, "exposures.drug", "a daily dose of 'other'"),
        ("exposures/drug/daily_doses", {"drug": 0}, "exposures.drug.daily_doses.drug", "0"),
        (f"{DESIGN}/indication", "years", 'analyses["risk"].design.indication', "covariate 'years' is of kind 'age'"),
        ("analyses/0/subgroups", ["years"], 'analyses["risk"].subgroups[0]', "covariate 'years' is a number"),
        ("analyses/0/subgroups", ["sexes"], 'analyses["risk"].subgroups[0]', "unknown covariate 'sexes'"),
        ("analyses/0/adjust_for", ["sex"], 'analyses["risk"].adjust_for[0]', "covariate 'sex' is sex"),
        ("published/0/analysis", "other", "published[0].analysis", "unknown analysis 'other'"),
        ("published/0/window", "never", "published[0].window", "unknown window 'never'"),
        ("published/0/reading", "any", "published[0].reading", "'any'"),
        ("published/0/conf_low", 1.3, "published[0]", "an estimate outside its limits"),
        ("published/0/subgroup", "sex", "published[0]", "subgroup and subgroup_level one without the other"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: str, value: object, where: str, found: str) -> None:
    said = faults(path, value)
    assert said[0][0] == where
    assert said[0][1].startswith(found)
    assert len(said) == 1 + (path.endswith("comparisons") and value != ["twins"]), "and the figure of the population"


def test_families_are_told_apart_beside_population_controls_only() -> None:
    raw = deepcopy(STUDY)
    raw["published"] = []
    raw["analyses"][0]["design"] |= {"comparisons": ["spouses"], "relatives": {}, "within_between": ["spouses"]}
    with pytest.raises(SpecError) as error:
        parse_study(raw)
    assert [fault.found for fault in error.value.faults] == ["without population controls"]
    raw["analyses"][0]["design"]["comparisons"] = ["population", "spouses"]
    assert parse_study(raw).analyses[0].case_control.within_between == ("spouses",)


def test_published_figures_belong_to_an_estimate_of_their_analysis() -> None:
    raw = deepcopy(STUDY)
    raw["analyses"][0]["design"] |= {"comparisons": ["siblings"], "readings": ["any_use"]}
    with pytest.raises(SpecError) as error:
        parse_study(raw)
    assert [(fault.where, fault.found) for fault in error.value.faults] == [
        ("published[0].comparison", "'population' is not part of analysis 'risk'"),
        ("published[0].reading", "'initiation' is not part of analysis 'risk'"),
    ]


def test_without_population_controls_sex_and_birth_year_may_be_adjusted_for() -> None:
    raw = deepcopy(STUDY)
    del raw["published"]
    raw["analyses"][0] |= {"adjust_for": ["sex", "birth year"]}
    raw["analyses"][0]["design"] |= {"comparisons": ["siblings"]}
    assert parse_study(raw).analyses[0].adjust_for == ("sex", "birth year")
