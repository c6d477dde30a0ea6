"""What a database has for a study, looked at without running it: its concept sets, and those that share records."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from equipoise.data.concepts import ConceptWarning, ResolvedConcepts, resolve
from equipoise.data.source import Source
from equipoise.errors import DesignError, EquipoiseError, Fault
from equipoise.runner.extraction import shared_records
from equipoise.runner.step import Step
from equipoise.runner.steps import study_steps
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.study import Study


def check_data(study: Study, source: Source) -> tuple[ConceptWarning, ...]:
    """What the concept sets of a study lack in a database: unknown concepts and codes, absent tables. Nothing is run.

    Raises DesignError with every exposure of which two concept sets name the same records: their supply and doses would
    be added up twice, so a run refuses it. Raises SourceError or UnsupportedError where a concept set cannot be looked
    up, with every such set. Reads the codes that occur, and no person.

    >>> import equipoise as eq
    >>> with eq.connect("registers/mapping.toml") as source:  # doctest: +SKIP
    ...     warnings = eq.check_data(eq.read_study("study.toml"), source)
    """
    steps = study_steps(study, study.seed)
    found = _resolved(source, _concept_sets(steps))
    faults: dict[Fault, None] = {}
    for step in steps:
        if together := step.subset.get("together", {}) if step.kind == "member_records" else {}:
            sets = {name: found[_key(name, each)] for name, each in step.subset["concept_sets"].items()}
            faults |= dict.fromkeys(shared_records(sets, together, source))
    if faults:
        raise DesignError(faults)
    return tuple(dict.fromkeys(warning for each in found.values() for warning in each.warnings))


Keyed = dict[str, tuple[str, Mapping[str, Any]]]


def _concept_sets(steps: Iterable[Step]) -> Keyed:
    """Every concept set that a step looks up, each once: in sensitivity analyses a name may stand for another set."""
    named: list[tuple[str, Mapping[str, Any]]] = []
    for step in steps:
        if step.kind in ("concepts", "records"):
            named.append((step.subset["name"], step.subset["concept_set"]))
        elif step.kind == "member_records":
            named += step.subset["concept_sets"].items()
    return {_key(name, each): (name, each) for name, each in named}


def _key(name: str, concept_set: Mapping[str, Any]) -> str:
    return json.dumps([name, concept_set], sort_keys=True)


def _resolved(source: Source, sets: Keyed) -> dict[str, ResolvedConcepts]:
    found: dict[str, ResolvedConcepts] = {}
    refused: list[EquipoiseError] = []
    for key, (name, concept_set) in sets.items():
        try:
            found[key] = resolve(source, name, ConceptSet.model_validate(concept_set))
        except EquipoiseError as error:
            refused.append(error)
    if refused:
        raise type(refused[0])(dict.fromkeys(fault for error in refused for fault in error.faults))
    return found
