"""One hash for every way of writing the same study, another for every other study."""

import json
import tomllib
from math import inf
from typing import Any

import pytest

from equipoise.spec.canonical import canonical, canonical_json, content_hash, study_hash
from equipoise.spec.read import parse_study, study_from_bytes
from equipoise.spec.study import Study
from tests.spec_model.examples import FULL, changed, full, minimal


def backwards(value: Any) -> Any:
    """The same plain values with the keys of every table in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def hash_of(raw: Any) -> str:
    return study_hash(parse_study(raw))


def test_order_of_keys_does_not_matter() -> None:
    assert hash_of(backwards(full())) == hash_of(full())


def test_comments_and_layout_do_not_matter() -> None:
    spaced = "# a comment\n" + FULL.replace(" = ", "   =   ").replace("\n[", "\n\n# more\n[")
    assert study_hash(study_from_bytes(spaced.encode(), "x")) == hash_of(full())


DEFAULTS: dict[str, Any] = {
    "seed": 1,
    "data_needs": {},
    "covariates": [],
    "sensitivity": [],
    "concept_sets/drug/exclude": [],
    "concept_sets/drug/include/0/descendants": False,
    "cohorts/cases/entry/occurrence": "first",
    "cohorts/cases/prior_observation_days": 0,
    "cohorts/cases/exclude_prior": [],
    "cohorts/cases/rules": [],
    "cohorts/cases/exit": {"kind": "end_of_observation"},
    "exposures/drug/min_dispensings": 1,
    "analyses/0/adjust_for": [],
    "analyses/0/interactions": [],
    "analyses/0/ties": "exact",
    "analyses/0/interval": "wald",
    "analyses/0/conf_level": 0.95,
    "analyses/0/cluster": "none",
    "analyses/0/design/controls_per_case": 5,
    "analyses/0/design/match_exact": ["sex"],
    "analyses/0/design/birth_year_caliper": 0,
    "analyses/0/design/time_in_cohort_caliper_days": "none",
    "analyses/0/design/free_of": [],
    "analyses/0/design/readings": ["any_use", "initiation"],
    "analyses/0/design/any_use_reference": "none_in_window",
    "analyses/0/design/initiation_date": "first",
    "analyses/0/design/run_in_days": 365,
    "analyses/0/design/unobservable": "leave_out",
    "windows/recent/days_before": [0.0, 90.0],
}


@pytest.mark.parametrize("path", DEFAULTS)
def test_a_default_that_is_written_out_does_not_matter(path: str) -> None:
    assert hash_of(changed(minimal(), path, DEFAULTS[path])) == hash_of(minimal())


OTHER: dict[str, Any] = {
    "seed": 2,
    "title": "Another title",
    "concept_sets/drug/include/0/concept_id": 3,
    "concept_sets/drug/include/0/descendants": True,
    "cohorts/cases/prior_observation_days": 1,
    "exposures/drug/min_dispensings": 2,
    "windows/recent/days_before": [0, 91],
    "windows/recent": {"days_before": [0, inf]},
    "analyses/0/ties": "efron",
    "analyses/0/conf_level": 0.9,
    "analyses/0/design/birth_year_caliper": "none",
    "analyses/0/design/match_exact": [],
    "analyses/0/design/readings": ["initiation", "any_use"],
}


def test_every_other_study_has_another_hash() -> None:
    hashes = {hash_of(changed(minimal(), path, value)) for path, value in OTHER.items()}
    assert len(hashes | {hash_of(minimal())}) == len(OTHER) + 1


@pytest.mark.parametrize("make", [full, minimal])
def test_the_canonical_form_reads_back_as_the_same_study(make: Any) -> None:
    study = parse_study(make())
    plain = json.loads(canonical_json(canonical(study)))
    assert parse_study(plain) == study
    assert Study.model_validate_json(canonical_json(plain)) == study


def test_the_canonical_text_is_strict_json() -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    json.loads(canonical_json(canonical(parse_study(full()))), parse_constant=refuse)


def test_the_hash_of_a_known_study_stays() -> None:
    """Results name the study by this hash: if it changes, so must `spec_version` or the changelog say why."""
    assert content_hash({"b": [1, "é"], "a": None}) == content_hash({"a": None, "b": [1, "é"]})
    assert content_hash({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_sensitivity_analyses_stand_complete_after_the_main_ones() -> None:
    study = parse_study(full())
    main, other = study.every_analysis()
    assert (other.id, other.label) == ("without-recent", "Early symptoms")
    assert other.design.windows == ("past", "remote")
    assert other.adjust_for == ()
    kept = {"ties", "interval", "conf_level", "cluster"}
    assert main.model_dump(include=kept) == other.model_dump(include=kept)
    changes = {"windows", "birth_year_caliper"}
    assert main.design.model_dump(exclude=changes) == other.design.model_dump(exclude=changes)


def test_a_covariate_is_found_by_name() -> None:
    study = parse_study(full())
    assert study.covariate("visits").kind == "count"
    with pytest.raises(KeyError):
        study.covariate("nobody")


def test_toml_and_python_values_are_one() -> None:
    assert parse_study(tomllib.loads(FULL)) == parse_study(frozen_lists(full()))


def frozen_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: frozen_lists(item) for key, item in value.items()}
    return tuple(frozen_lists(item) for item in value) if isinstance(value, list) else value
