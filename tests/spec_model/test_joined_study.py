"""Two studies joined: what a name of study B means stays what it meant there."""

from typing import Any

from equipoise.spec.canonical import canonical
from equipoise.spec.elements import compare
from equipoise.spec.joined_study import joined_study
from equipoise.spec.read import parse_study

DESIGN: dict[str, Any] = {
    "kind": "follow_up",
    "population": "patients",
    "window": "year",
    "target": ["users"],
    "outcome": {"any_of": ["death"]},
    "follow_up": {"days": 730},
    "adjustment": {"kind": "none"},
}


def study(disease: str, treatment: str, **entry: Any) -> dict[str, Any]:
    """A study that calls the disease "event"; the other calls a drug so."""
    of_code = {"event": disease, "drug": treatment, "drugs": "N06A"}
    domain = {"C": "condition", "N": "drug"}
    sets = {
        name: {"domain": domain[code[0]], "include": [{"code_prefix": code}]} for name, code in of_code.items() if code
    }
    return {
        "spec_version": 1,
        "id": "joined",
        "title": "Joined",
        "question": {"text": "Joined?"},
        "concept_sets": sets,
        "cohorts": {"patients": {"label": "Patients", "entry": {"concept_set": "drug"} | entry}},
        "exposures": {"users": {"concept_sets": ["drugs"]}},
        "windows": {"year": {"days_before": [0, 365]}},
        "covariates": [],
        "analyses": [{"id": "main", "design": DESIGN}],
    }


A, B = study("C1", "N07"), study("C2", "N07", also=["event"])


def test_what_entry_waits_for_keeps_its_meaning() -> None:
    one, two = (canonical(parse_study(raw)) for raw in (A, B))
    joined = joined_study(one, two, two["analyses"][0])
    cohort = joined.parts["cohorts"][joined.analysis_b["design"]["population"]]
    codes = [joined.parts["concept_sets"][name]["include"][0]["code_prefix"] for name in cohort["entry"]["also"]]
    assert codes == ["C2"]
    assert cohort["entry"]["concept_set"] == "drug"


def test_entry_that_waits_is_a_difference_of_populations_and_is_told() -> None:
    found = compare((parse_study(A), parse_study(B)), ("main", "main"), (None, None))
    (difference,) = found.differences
    assert difference.element == "population"
    assert difference.in_a == "Patients (also: none)"
    assert difference.in_b == "Patients (also: event (B))"
    mixed = found.mixture(1).study
    assert mixed is not None
    (population,) = [cohort for cohort in mixed.cohorts.values() if cohort.entry.also]
    (waits,) = population.entry.also
    (item,) = mixed.concept_sets[waits].include or ()
    assert item.code_prefix == "C2"
