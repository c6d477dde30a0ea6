"""Every fault of a study file is named with its place, what was found, what is allowed and what to do."""

from datetime import datetime, time
from math import inf, nan
from typing import Any

import pytest

from equipoise.errors import Fault, SpecError
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed, full

DESIGN = "analyses/0/design"


def faults_of(raw: Any) -> tuple[Fault, ...]:
    with pytest.raises(SpecError) as caught:
        parse_study(raw)
    assert caught.value.exit_code == 10
    return caught.value.faults


# path of the damage, the value put there, and the one fault it makes: where, found, allowed, remedy
ONE_FAULT: dict[str, tuple[str, Any, tuple[str, str, str, str]]] = {
    "unknown key": (
        "titel",
        "x",
        (
            "titel",
            "unknown key",
            "analyses, cohorts, concept_sets, contrasts, covariate_sets, covariates, data_needs, exposures, gate, "
            "grids, id, negative_controls, published, purpose, question, seed, sensitivity, spec_version, title, "
            "triangulation, windows",
            "did you mean 'title'?",
        ),
    ),
    "unknown key without a neighbour": (
        "windows/past/zzz",
        1,
        ("windows.past.zzz", "unknown key", "days_before, years_before", "remove it"),
    ),
    "unknown key inside a tagged table": (
        "covariates/2/atleast",
        1,
        (
            'covariates["history"].atleast',
            "unknown key",
            "at_least, concept_set, kind, label, name, window",
            "did you mean 'at_least'?",
        ),
    ),
    "missing": ("question/text", ..., ("question.text", "missing", "text in quotes", "add this key")),
    "missing version": ("spec_version", ..., ("spec_version", "missing", "1", "add this key")),
    "missing kind": (
        "covariates/1/kind",
        ...,
        (
            'covariates["area"].kind',
            "missing",
            "'age', 'birth_year', 'calendar_year', 'care_site', 'category', 'count', 'ethnicity', 'event', "
            "'measurement', 'race', 'region', 'sex'",
            "add this key",
        ),
    ),
    "another version": (
        "spec_version",
        2,
        ("spec_version", "2", "1", "use the version of Equipoise the file is written for"),
    ),
    "version as truth": (
        "spec_version",
        True,
        ("spec_version", "true", "1", "use the version of Equipoise the file is written for"),
    ),
    "version with a point": (
        "spec_version",
        1.0,
        ("spec_version", "1.0", "1", "use the version of Equipoise the file is written for"),
    ),
    "number in quotes": (
        "seed",
        "7",
        ("seed", "'7'", "a whole number, without quotes and decimal point", "remove the quotes"),
    ),
    "number with a point": (
        f"{DESIGN}/controls_per_case",
        4.0,
        ('analyses["main"].design.controls_per_case', "4.0", "a whole number, without quotes and decimal point", ""),
    ),
    "truth for a number": (
        f"{DESIGN}/controls_per_case",
        True,
        ('analyses["main"].design.controls_per_case', "true", "a whole number, without quotes and decimal point", ""),
    ),
    "number out of range": (
        f"{DESIGN}/controls_per_case",
        0,
        ('analyses["main"].design.controls_per_case', "0", "a whole number at least 1 and at most 100", ""),
    ),
    "percent for a share": (
        "analyses/0/conf_level",
        95,
        ('analyses["main"].conf_level', "95", "a number above 0.5 and below 1", ""),
    ),
    "share that is no number": (
        "analyses/0/conf_level",
        nan,
        ('analyses["main"].conf_level', "nan", "a number above 0.5 and below 1", ""),
    ),
    "seed beyond 64 bits": (
        "seed",
        2**63,
        ("seed", "9223372036854775808", "a whole number at least 0 and below 9,223,372,036,854,775,808", ""),
    ),
    "identifier beyond 64 bits": (
        "concept_sets/history/include/0/concept_id",
        10**30,
        (
            "concept_sets.history.include[0].concept_id",
            str(10**30),
            "a whole number at least 0 and at most 9,223,372,036,854,775,807",
            "",
        ),
    ),
    "number for text": ("title", 5, ("title", "5", "text in quotes", "put it in quotes")),
    "empty text": ("title", "  ", ("title", "'  '", "text that is not empty", "")),
    "text for a list": (
        f"{DESIGN}/exposures",
        "drug",
        ('analyses["main"].design.exposures', "'drug'", "a list in square brackets", "write ['drug']"),
    ),
    "empty list": (
        f"{DESIGN}/exposures",
        [],
        ('analyses["main"].design.exposures', "0 items", "at least 1", ""),
    ),
    "text for a table": ("question", "Does it?", ("question", "'Does it?'", "a table", "")),
    "word that is no choice": (
        "analyses/0/ties",
        "exakt",
        ('analyses["main"].ties', "'exakt'", "'exact', 'efron', 'breslow'", "did you mean 'exact'?"),
    ),
    "kind that is no choice": (
        "covariates/2/kind",
        "evnt",
        (
            'covariates["history"].kind',
            "'evnt'",
            "'age', 'birth_year', 'calendar_year', 'care_site', 'category', 'count', 'ethnicity', 'event', "
            "'measurement', 'race', 'region', 'sex'",
            "did you mean 'event'?",
        ),
    ),
    "sex in a foreign word": (
        "cohorts/cases/sex",
        ["weiblich"],
        ("cohorts.cases.sex[0]", "'weiblich'", "'female', 'male', 'other', 'unknown'", ""),
    ),
    "design that is not offered": (
        f"{DESIGN}/kind",
        "cohort",
        ('analyses["main"].design.kind', "'cohort'", "'follow_up', 'nested_case_control', 'target_trial'", ""),
    ),
    "identifier with a space": (
        "id",
        "my study",
        ("id", "'my study'", "letters, digits, '.', '_' and '-', the first a letter or a digit", ""),
    ),
    "name too long": (
        "covariates/0/name",
        "x" * 81,
        (f'covariates["{"x" * 81}"].name', repr("x" * 81)[:77] + "...", "at most 80 characters", ""),
    ),
    "name with a line break": (
        "covariates/0/name",
        "a\nb",
        (
            'covariates["a\nb"].name',
            "characters that cannot be printed",
            "letters, digits, signs and spaces on one line",
            "",
        ),
    ),
    "number of seconds for a date": (
        "cohorts/cases/calendar/from",
        0,
        ("cohorts.cases.calendar.from", "0", "a date, such as 2015-01-31", ""),
    ),
    "date that does not exist": (
        "cohorts/cases/calendar/from",
        "2015-02-30",
        ("cohorts.cases.calendar.from", "'2015-02-30'", "a date, such as 2015-01-31", ""),
    ),
    "date with a time": (
        "cohorts/cases/calendar/from",
        datetime(2015, 1, 1, 0, 0),
        ("cohorts.cases.calendar.from", "2015-01-01T00:00:00", "a date, such as 2015-01-31", ""),
    ),
    "time of day": (
        "cohorts/cases/calendar/from",
        time(8, 30),
        ("cohorts.cases.calendar.from", "a time", "a date, such as 2015-01-31", ""),
    ),
    "dates in the wrong order": (
        "cohorts/cases/calendar/from",
        "2021-01-01",
        (
            "cohorts.cases.calendar",
            "from = 2021-01-01 is after to = 2020-12-31",
            "from on or before to",
            "",
        ),
    ),
    "ages in the wrong order": (
        "cohorts/cases/age/min",
        91,
        ("cohorts.cases.age", "min = 91 is above max = 90", "min not above max", ""),
    ),
    "window in two units": (
        "windows/past/days_before",
        [0, 1],
        (
            "windows.past",
            "both of days_before and years_before",
            "exactly one of them",
            "write days_before = [0, 365], say, or years_before = [0, 1]",
        ),
    ),
    "window in no unit": (
        "windows/past",
        {},
        (
            "windows.past",
            "neither of days_before and years_before",
            "exactly one of them",
            "write days_before = [0, 365], say, or years_before = [0, 1]",
        ),
    ),
    "window the wrong way round": (
        "windows/past/years_before",
        [5, 1],
        ("windows.past", "[5, 1]", "[near, far], where near is smaller than far; far may be inf", ""),
    ),
    "window that begins nowhere": (
        "windows/past/years_before",
        [inf, inf],
        ("windows.past", "[inf, inf]", "[near, far], where near is smaller than far; far may be inf", ""),
    ),
    "window with half days": (
        "windows/past",
        {"days_before": [0.5, 2]},
        ("windows.past", "[0.5, 2] days", "whole days, or inf", ""),
    ),
    "window without a day": (
        "windows/past/years_before",
        [0.001, 0.002],
        ("windows.past", "[0.001, 0.002] holds no whole day", "at least one day", ""),
    ),
    "window longer than lives": (
        "windows/past/years_before",
        [0, 1e300],
        ("windows.past", "[0, 1e+300]", "at most 100,000 days", "write inf to leave the far end open"),
    ),
    "window after the index date": (
        "windows/past/years_before",
        [-1, 5],
        (
            "windows.past.years_before",
            "days after the index date",
            "days before it: two numbers of at least 0",
            "what is measured only after time zero is no characteristic of those who are compared",
        ),
    ),
    "window of what is no number": (
        "windows/past/years_before",
        [0, nan],
        ("windows.past.years_before[1]", "nan", "a number at least 0", ""),
    ),
    "window with one bound": (
        "windows/past/years_before",
        [1],
        ("windows.past.years_before[1]", "missing", "a pair of values", ""),
    ),
    "window with three bounds": (
        "windows/past/years_before",
        [1, 2, 3],
        ("windows.past.years_before", "3 items", "at most 2", ""),
    ),
    "window that is named like a level": (
        "windows/never",
        {"days_before": [0, 1]},
        ("windows.never", "a level of exposure has this name", "another name", "call the window by its days"),
    ),
    "concept in two forms": (
        "concept_sets/history/include/0/code_prefix",
        "K25",
        (
            "concept_sets.history.include[0]",
            "concept_id and code_prefix",
            "exactly one of concept_id, code (with vocabulary), code_prefix and knowledge",
            "one item for each",
        ),
    ),
    "knowledge without group": (
        "concept_sets/drug/include/0",
        {"knowledge": "rem_sleep"},
        (
            "concept_sets.drug.include[0]",
            "knowledge without group",
            "suppressing, non_suppressing or neither",
            "say which drugs",
        ),
    ),
    "knowledge with descendants": (
        "concept_sets/drug/include/0",
        {"knowledge": "rem_sleep", "group": "neither", "descendants": True},
        (
            "concept_sets.drug.include[0]",
            "knowledge with descendants",
            "knowledge with group, set and file",
            "remove descendants",
        ),
    ),
    "group without knowledge": (
        "concept_sets/drug/include/0/group",
        "suppressing",
        (
            "concept_sets.drug.include[0]",
            "group without knowledge",
            "group, set and file together with knowledge",
            "",
        ),
    ),
    "knowledge of drugs among diseases": (
        "concept_sets/history/include/0",
        {"knowledge": "rem_sleep", "group": "neither"},
        (
            "concept_sets.history",
            "knowledge of drugs in the domain 'condition'",
            'knowledge in the domain "drug"',
            "",
        ),
    ),
    "unknown knowledge": (
        "concept_sets/drug/include/0",
        {"knowledge": "rem", "group": "neither"},
        ("concept_sets.drug.include[0].knowledge", "'rem'", "'rem_sleep'", ""),
    ),
    "the same elsewhere, of no code": (
        "concept_sets/history/include/0/also",
        [{"vocabulary": "RxNorm", "code": "1"}],
        ("concept_sets.history.include[0]", "concept_id with also", "also together with vocabulary and code", ""),
    ),
    "the same elsewhere, without saying what": (
        "concept_sets/drug/include/0/also",
        [{"vocabulary": "RxNorm"}],
        ("concept_sets.drug.include[0].also[0]", "neither code nor name", "exactly one of code and name", ""),
    ),
    "numbers of a diagnosis": (
        "concept_sets/history/value",
        {"below": 50},
        (
            "concept_sets.history",
            "value in the domain 'condition'",
            'value in the domain "measurement" or "observation"',
            "other records hold no number",
        ),
    ),
    "numbers without a limit": (
        "concept_sets/history/value",
        {},
        ("concept_sets.history.value", "neither at_least nor below", "one of them, or both", ""),
    ),
    "numbers between nothing": (
        "concept_sets/history/value",
        {"at_least": 50, "below": 20},
        ("concept_sets.history.value", "at_least = 50 with below = 20", "at_least smaller than below", ""),
    ),
    "code without vocabulary": (
        "concept_sets/history/include/0",
        {"code": "K25"},
        (
            "concept_sets.history.include[0]",
            "a code without vocabulary",
            "code together with vocabulary",
            'add vocabulary = "ICD10", say',
        ),
    ),
    "prefix with descendants": (
        "concept_sets/history/include/0",
        {"code_prefix": "K25", "descendants": True},
        (
            "concept_sets.history.include[0]",
            "a code_prefix with descendants",
            "a code_prefix alone",
            "it covers every longer code already",
        ),
    ),
    "concept with vocabulary": (
        "concept_sets/history/include/0/vocabulary",
        "SNOMED",
        ("concept_sets.history.include[0]", "a concept_id with vocabulary", "a concept_id alone", "remove vocabulary"),
    ),
    "concept set of nothing": (
        "concept_sets/history/include",
        ...,
        (
            "concept_sets.history",
            "no include",
            "at least one concept",
            'only in the domain "death" does any record count',
        ),
    ),
    "truth as text": (
        "concept_sets/outcome/include/1/descendants",
        "yes",
        ("concept_sets.outcome.include[1].descendants", "'yes'", "true or false", ""),
    ),
    "rule without a bound": (
        "cohorts/cases/rules/0/at_most",
        ...,
        (
            'cohorts.cases.rules["no other drug"]',
            "neither at_least nor at_most",
            "one of them, or both",
            "write at_least = 1, say",
        ),
    ),
    "rule with crossed bounds": (
        "cohorts/cases/rules/0/at_least",
        3,
        (
            'cohorts.cases.rules["no other drug"]',
            "at_least = 3 is above at_most = 0",
            "at_least not above at_most",
            "",
        ),
    ),
    "exit without days": (
        "cohorts/cases/exit/days",
        ...,
        (
            "cohorts.cases.exit",
            "kind = 'fixed_time' without days",
            "days together with kind = 'fixed_time', and only with it",
            "",
        ),
    ),
    "exit with what is not its own": (
        "cohorts/cases/exit/concept_set",
        "dead",
        (
            "cohorts.cases.exit",
            "concept_set with kind = 'fixed_time'",
            "concept_set together with kind = 'event', and only with it",
            "",
        ),
    ),
    "age groups that fall": (
        "covariates/0/groups_from",
        [60, 40],
        (
            'covariates["age"]',
            "groups_from = [60, 40]",
            "rising ages above 0",
            "the youngest group needs no entry",
        ),
    ),
    "reference that is no group": (
        "covariates/0/reference",
        "40-60",
        ('covariates["age"]', "reference = '40-60'", "'<40', '40-59', '>=60'", ""),
    ),
    "reference for a number": (
        "covariates/0/groups_from",
        [],
        (
            'covariates["age"]',
            "a reference for age in years",
            "a reference with groups_from",
            "remove it, or add groups_from",
        ),
    ),
    "washout of a first event": (
        "cohorts/cases/washout_days",
        30,
        (
            "cohorts.cases.washout_days",
            "a washout of the entry event, where entry is the first ever event",
            'a washout with entry.occurrence = "every"',
            "leave the washout out: no event comes before the first one",
        ),
    ),
    "cases that come again": (
        "cohorts/cases/entry/occurrence",
        "every",
        (
            'analyses["main"].design.cases',
            "cohort 'cases' is entered at every event",
            'a cohort with entry.occurrence = "first"',
            "a person is a case once, at the first event",
        ),
    ),
    "entry of several events, every time": (
        "cohorts/users/entry",
        {"concept_set": "drug", "occurrence": "every", "also": ["history"]},
        (
            "cohorts.users.entry",
            "also with occurrence = 'every'",
            'also with occurrence = "first"',
            "the day on which several first records have come",
        ),
    ),
    "entry of an event twice": (
        "cohorts/cases/entry/also",
        ["outcome"],
        ("cohorts.cases.entry", "'outcome' twice", "each concept set once", ""),
    ),
    "cases at the last of several events": (
        "cohorts/cases/entry/also",
        ["history"],
        (
            'analyses["main"].design.cases',
            "cohort 'cases' is entered when several events have come",
            "a cohort with one entry event",
            "controls are free of the event that makes a case",
        ),
    ),
    "exposure to death": (
        "exposures/any/concept_sets",
        ["dead"],
        ("exposures.any.concept_sets", "'dead' is a set of deaths", "concept sets of what a person receives", ""),
    ),
    "covariate of death": (
        "covariates/3/concept_set",
        "dead",
        (
            'covariates["visits"].concept_set',
            "'dead' is a set of deaths",
            "records that can come before an index date",
            "",
        ),
    ),
    "the same sex twice": (
        "cohorts/cases/sex",
        ["male", "male"],
        ("cohorts.cases.sex", "'male' twice", "each once", "remove one of them"),
    ),
    "the same window twice": (
        f"{DESIGN}/windows",
        ["past", "past"],
        ('analyses["main"].design.windows', "'past' twice", "each once", "remove one of them"),
    ),
    "an interaction of one": (
        "analyses/0/interactions",
        [["area", "area"]],
        (
            'analyses["main"].interactions[0]',
            "'area' × 'area'",
            "two different covariates of adjust_for",
            "",
        ),
    ),
    "an interaction without its main effect": (
        "analyses/0/interactions",
        [["area", "age"]],
        ('analyses["main"].interactions[0]', "'area' × 'age'", "two different covariates of adjust_for", ""),
    ),
    "adjustment for a matched variable": (
        f"{DESIGN}/match_exact",
        ["region"],
        (
            'analyses["main"].adjust_for[0]',
            "covariate 'area' is region, on which sets are matched exactly",
            "covariates that vary within matched sets",
            "remove it: within a set it is constant and has no coefficient",
        ),
    ),
    "unknown concept set": (
        "cohorts/cases/entry/concept_set",
        "outcom",
        (
            "cohorts.cases.entry.concept_set",
            "unknown concept set 'outcom'",
            "'dead', 'drug', 'history', 'other_drug', 'outcome'",
            "did you mean 'outcome'?",
        ),
    ),
    "unknown concept set of an exclusion": (
        "cohorts/cases/exclude_prior/0/concept_set",
        "zzz",
        (
            "cohorts.cases.exclude_prior[0].concept_set",
            "unknown concept set 'zzz'",
            "'dead', 'drug', 'history', 'other_drug', 'outcome'",
            "define it or name a defined concept set",
        ),
    ),
    "unknown cohort": (
        f"{DESIGN}/cases",
        "case",
        (
            'analyses["main"].design.cases',
            "unknown cohort 'case'",
            "'cases', 'users'",
            "did you mean 'cases'?",
        ),
    ),
    "unknown cohort around the design": (
        f"{DESIGN}/within",
        "zzz",
        (
            'analyses["main"].design.within',
            "unknown cohort 'zzz'",
            "'cases', 'users'",
            "define it or name a defined cohort",
        ),
    ),
    "unknown covariate": (
        "analyses/0/adjust_for/2",
        "vists",
        (
            'analyses["main"].adjust_for[2]',
            "unknown covariate 'vists'",
            "'age', 'area', 'history', 'visits'",
            "did you mean 'visits'?",
        ),
    ),
    "the same covariate twice": (
        "covariates/0/name",
        "area",
        ("covariates[1].name", "'area' is used twice", "each name once", "choose another"),
    ),
    "the same id twice": (
        "sensitivity/0/id",
        "main",
        ('sensitivity["main"].id', "'main' is used twice", "each id once", "choose another"),
    ),
    "sensitivity of nothing": (
        "sensitivity/0/base",
        "mian",
        ('sensitivity["without-recent"].base', "unknown analysis 'mian'", "'main'", "did you mean 'main'?"),
    ),
    "sensitivity that changes nothing": (
        "sensitivity/0/change",
        {"ties": "efron"},
        (
            'sensitivity["without-recent"].change',
            "leaves analysis 'main' as it is",
            "a change",
            "name a setting with another value",
        ),
    ),
    "sensitivity with a design setting outside design": (
        "sensitivity/0/change",
        {"controls_per_case": 3},
        (
            'sensitivity["without-recent"].change.controls_per_case',
            "unknown key",
            "adjust_for, cluster, conf_level, design, id, interactions, interval, label, missing, subgroups, ties",
            "put it under design",
        ),
    ),
    "sensitivity with a wrong type": (
        "sensitivity/0/change",
        {"design": {"controls_per_case": "3"}},
        (
            'sensitivity["without-recent"].change.design.controls_per_case',
            "'3'",
            "a whole number, without quotes and decimal point",
            "remove the quotes",
        ),
    ),
    "sensitivity with an unknown name": (
        "sensitivity/0/change",
        {"design": {"windows": ["recnt"]}},
        (
            'sensitivity["without-recent"].change.design.windows[0]',
            "unknown window 'recnt'",
            "'past', 'recent', 'remote'",
            "did you mean 'recent'?",
        ),
    ),
    "sensitivity with a contradiction": (
        "sensitivity/0/change",
        {"interactions": [["area", "age"]]},
        (
            'sensitivity["without-recent"].change.interactions[0]',
            "'area' × 'age'",
            "two different covariates of adjust_for",
            "",
        ),
    ),
    "sensitivity with a design that is no table": (
        "sensitivity/0/change",
        {"design": 4},
        ('sensitivity["without-recent"].change.design', "4", "a table", ""),
    ),
    "sensitivity with an id to change": (
        "sensitivity/0/change",
        {"id": "x"},
        (
            'sensitivity["without-recent"].change.id',
            "cannot be changed",
            "settings of an analysis",
            "a sensitivity analysis has its own id, and its label is its why",
        ),
    ),
    "name with a space around it": (
        "windows/ recent",
        {"days_before": [0, 5]},
        (
            'windows." recent"',
            "begins or ends with a space",
            "a name without spaces around it",
            "remove the spaces",
        ),
    ),
    "name of nothing": ("windows/", {"days_before": [0, 5]}, ('windows.""', "''", "text that is not empty", "")),
    "one table where many stand": (
        "analyses",
        {"id": "main"},
        (
            "analyses",
            "a table",
            "a list in square brackets",
            "head it [[analyses]], with two brackets",
        ),
    ),
}


@pytest.mark.parametrize("name", ONE_FAULT)
def test_a_fault_is_named(name: str) -> None:
    path, value, expected = ONE_FAULT[name]
    raw = changed(full(), path, value)
    if path == "analyses":
        raw["sensitivity"] = []
    assert faults_of(raw) == (Fault(*expected),)


def test_the_study_to_be_damaged_has_no_fault() -> None:
    assert len(parse_study(full()).every_analysis()) == 2


def test_matching_makes_calendar_year_and_year_of_birth_constant() -> None:
    raw = full()
    raw["covariates"] += [{"name": "year", "kind": "calendar_year"}, {"name": "born", "kind": "birth_year"}]
    raw["analyses"][0] |= {"adjust_for": ["year", "born"], "interactions": []}
    raw["analyses"][0]["design"]["birth_year_caliper"] = 0
    raw["sensitivity"] = []
    assert [fault.found for fault in faults_of(raw)] == [
        "covariate 'year' is the year of the index date, which a case and its controls share",
        "covariate 'born' is the year of birth, on which sets are matched exactly",
    ]


def test_all_faults_come_at_once_and_in_the_order_of_a_study() -> None:
    raw = full()
    for path, value in (
        ("sensitivity/0/change", {"ties": "eksact"}),
        ("analyses/0/interactions", [["area", "area"]]),
        ("analyses/0/design/cases", "nobody"),
        ("covariates/0/reference", "zzz"),
        ("windows/past/years_before", [5, 1]),
        ("exposures/any/concept_sets", ["dead"]),
        ("cohorts/cases/washout_days", 30),
        ("concept_sets/history/colour", "red"),
        ("seed", "x"),
    ):
        changed(raw, path, value)
    assert [fault.where for fault in faults_of(raw)] == [
        "seed",
        "concept_sets.history.colour",
        "cohorts.cases.washout_days",
        "exposures.any.concept_sets",
        "windows.past",
        'covariates["age"]',
        'analyses["main"].design.cases',
        'analyses["main"].interactions[0]',
        'sensitivity["without-recent"].change.ties',
    ]


def test_a_misspelt_key_is_one_fault_and_not_also_a_missing_one() -> None:
    raw = full()
    raw["question"] = {"txt": "Does it?"}
    (fault,) = faults_of(raw)
    assert (fault.where, fault.remedy) == ("question.txt", "did you mean 'text'?")


def test_a_list_of_faulty_items_is_not_also_too_short() -> None:
    raw = full()
    raw["sensitivity"] = []
    raw["analyses"] = [{"id": "main", "design": raw["analyses"][0]["design"], "tie": "exact"}]
    assert [fault.where for fault in faults_of(raw)] == ['analyses["main"].tie']


@pytest.mark.parametrize("raw", [None, [], "text", 3, ()])
def test_what_is_no_table_is_no_study(raw: Any) -> None:
    (fault,) = faults_of(raw)
    assert fault.allowed == "a table of settings"


def test_messages_use_no_word_of_the_type_checker() -> None:
    for path, value, _ in ONE_FAULT.values():
        raw = changed(full(), path, value)
        text = "\n".join(map(str, faults_of(raw))).lower()
        for word in ("pydantic", "input should", "tuple", "dict", "literal", "validation", "nonetype", "str_"):
            assert word not in text, text
