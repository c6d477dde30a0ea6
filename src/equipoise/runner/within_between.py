"""The step that tells an association within families from the one between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.people import People
from equipoise.data.source import Source
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.nested_case_control import exposure_columns, observability, observable_from
from equipoise.design.relatives import FamilyRows
from equipoise.errors import Reason
from equipoise.estimators.between_within import combination
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import uses
from equipoise.runner.estimate import (
    DEMOGRAPHICS,
    Model,
    adjustments,
    models,
    observable_rows,
    ratio_numbers,
)
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.protocol import Protocol, read_protocol
from equipoise.runner.relatives import unpack_family_rows
from equipoise.runner.set_models import SetModel, set_model, term_of

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
OWN, MEAN = "own", "mean of the family"
ORDER = ("population", "within", "within_given_mean", "between", "ratio")
OF_MODEL = ("within_given_mean", "between", "ratio")
ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Rows of population sets and of sets of relatives, and what both need: the family of each set's case."""

    population: AnalysisSet
    within: AnalysisSet
    families: FamilyRows
    exposed: Mapping[str, np.ndarray]
    seen: Mapping[str, np.ndarray]
    sibship: np.ndarray
    subset: Any


def within_between(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the table within_between: five quantities of each exposure, window, reading and adjustment.

    Population sets are fitted with own exposure and, beside it, its mean over the person and its relatives (Neuhaus
    and Kalbfleisch, Biometrics 1998;54:638); sets of relatives by themselves. Variances are robust, with all sets of
    cases of one sibship as a cluster.
    """
    protocol, people = read_protocol(subset), unpack_people(inputs["people"])
    asked = _asked(inputs, protocol, people, subset)
    leave_out = protocol.design.unobservable == "leave_out"
    beside = {model.reported.name: model for model in models(asked.within, leave_out)}
    rows = [
        row
        for model in models(asked.population, leave_out)
        if model.reported.tag("level") in protocol.windows
        for row in _rows(asked, model, beside.get(model.reported.name))
    ]
    return Artifact({}, {"within_between": rows})


def _asked(inputs: Inputs, protocol: Protocol, people: People, subset: Any) -> _Asked:
    families = unpack_family_rows(inputs["family_rows"])
    rows = IndexRows(families.person, families.day)
    visible_from = observable_from(people, rows, protocol.recording_from)
    found = uses(inputs["records"], protocol, people, rows, visible_from)
    seen = observability(protocol.design, protocol.windows, visible_from, rows.day)
    sibship = sibship_of_sets(unpack_sets(inputs["matched_sets"]), inputs["relatives"]["sibship"])
    return _Asked(
        unpack_analysis_set(inputs["population"]),
        unpack_analysis_set(inputs["within"]),
        families,
        {column.name: values for column, values in exposure_columns(protocol.design, protocol.windows, found)},
        {column.name: values for column, values in seen},
        sibship,
        subset,
    )


def sibship_of_sets(sets: MatchedSets, sibship: np.ndarray) -> np.ndarray:
    """The sibship of each set's case by number of the set, int64 (s,): sets of relatives have the same numbers.

    Sets without a control count too, for a case without population controls can have relatives.
    """
    found = np.zeros(len(sets.n_controls), dtype=np.int64)
    found[sets.matched_set[sets.is_case]] = sibship[sets.person[sets.is_case]]
    return found


def _rows(asked: _Asked, model: Model, beside: Model | None) -> Iterator[Row]:
    seen, exposed = _of_family(asked, model)
    with_family, means = family_means(asked.families, seen, exposed, len(asked.population))
    beside_own = _relative_exposed(asked.families, seen, exposed[model.reported.name], len(asked.population))
    keep = observable_rows(asked.population, model.rows & with_family)
    of_relatives = adjustments(asked.within, asked.subset)
    for label, covariates in adjustments(asked.population, asked.subset).items():
        key = _key(model.reported, label, asked.subset)
        own = _clustered(set_model(asked.population, keep, covariates, asked.subset), asked.sibship)
        counterpart = of_relatives[ADJUSTED if label == ADJUSTED else DEMOGRAPHICS]
        found = _population(asked, own, model, means) | {"within": _within(asked, beside, counterpart)}
        found["between"] |= _counts(own.case, beside_own[own.keep])
        for quantity in ORDER:
            yield key | {"quantity": quantity} | found[quantity]


def _of_family(asked: _Asked, model: Model) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Which rows of families are seen over the model's window, and the columns of its factor on all of them."""
    column = model.reported
    if asked.subset["design"]["unobservable"] == "leave_out":
        seen = np.asarray(asked.seen[f"observable | {column.tag('reading')} | {column.tag('level')}"], dtype=bool)
    else:
        seen = np.ones(len(asked.families.row), dtype=bool)
    return seen, {item.name: asked.exposed[item.name] for item in model.factor}


def family_means(
    families: FamilyRows, seen: np.ndarray, exposed: Mapping[str, np.ndarray], n: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """By row of n: whether a relative is seen (bool), and the mean of each column over the person and those seen."""
    counted = seen | families.own
    relatives = np.bincount(families.row[counted & ~families.own], minlength=n)
    size = np.bincount(families.row[counted], minlength=n)
    means = {
        name: np.bincount(families.row[counted], np.asarray(values, np.float64)[counted], n) / np.maximum(size, 1)
        for name, values in exposed.items()
    }
    return relatives > 0, means


def _relative_exposed(families: FamilyRows, seen: np.ndarray, exposed: np.ndarray, n: int) -> np.ndarray:
    """By row of n: whether a relative that is seen is at the level (bool)."""
    at_level = np.asarray(exposed, dtype=bool) & seen & ~families.own
    return np.bincount(families.row[at_level], minlength=n) > 0


def _clustered(model: SetModel, sibship: np.ndarray) -> SetModel:
    assert model.rows.stratum is not None
    return replace(model, cluster=sibship[model.rows.stratum])


def _population(asked: _Asked, own: SetModel, model: Model, means: Mapping[str, np.ndarray]) -> dict[str, Row]:
    """Of population sets whose members have families: the estimate without the family's mean, and those with it."""
    columns = {_named(OWN, item.name): asked.population.column(item.name)[own.keep] for item in model.factor}
    of_family = {_named(MEAN, name): values[own.keep] for name, values in means.items()}
    name = model.reported.name
    exposed = asked.population.column(name)[own.keep] == 1
    counts = _counts(own.case, exposed)
    if (absent := own.absent(exposed)) is not None:
        return {"population": counts | {"reason": absent}} | {quantity: {"reason": absent} for quantity in OF_MODEL}
    alone, with_means = own.fit(columns), own.fit(columns | of_family)
    terms = term_of(_named(OWN, name)), term_of(_named(MEAN, name))
    found = {"population": counts | ratio_numbers(alone.estimate(terms[0]))}
    for quantity, weights in zip(OF_MODEL, ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), strict=True):
        numbers = combination(with_means, dict(zip(terms, weights, strict=True)), terms)
        found[quantity] = ratio_numbers(numbers)
    return found


def _within(asked: _Asked, model: Model | None, covariates: list[str]) -> Row:
    """Of sets of cases and their relatives: what families share is left out by the conditional likelihood."""
    if model is None:
        return {"reason": Reason.NO_CONTROLS}
    own = _clustered(set_model(asked.within, model.rows, covariates, asked.subset), asked.sibship)
    columns = {_named(OWN, item.name): asked.within.column(item.name)[own.keep] for item in model.factor}
    exposed = asked.within.column(model.reported.name)[own.keep] == 1
    counts = _counts(own.case, exposed)
    if (absent := own.absent(exposed)) is not None:
        return counts | {"reason": absent}
    return counts | ratio_numbers(own.fit(columns).estimate(term_of(_named(OWN, model.reported.name))))


def _named(what: str, column: str) -> str:
    return f"{what} | {column}"


def _counts(case: np.ndarray, exposed: np.ndarray) -> Row:
    return {
        "n_cases": int(case.sum()),
        "n_controls": int((~case).sum()),
        "n_exposed_cases": int((exposed & case).sum()),
        "n_exposed_controls": int((exposed & ~case).sum()),
    }


def _key(column: Column, adjustment: str, subset: Any) -> Row:
    return {
        "analysis": subset["id"],
        "comparison": subset["kind"],
        "exposure": column.tag("exposure"),
        "window": column.tag("level"),
        "reading": column.tag("reading"),
        "adjustment": adjustment,
    }
