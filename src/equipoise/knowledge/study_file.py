"""Studies that name knowledge: the drugs of a group take the place of the item that asks for them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from equipoise.errors import EquipoiseError, Fault, SpecError
from equipoise.knowledge.rem_sleep import RemDrug, RemFacts, rem_facts, rem_groups
from equipoise.spec.concepts import ConceptItem, ConceptSet
from equipoise.spec.read import read_study as read_plain_study
from equipoise.spec.score import ScoredDrugs
from equipoise.spec.study import Analysis, Study
from equipoise.spec.values import Table


def read_study(path: str | Path) -> Study:
    """Read a study file (TOML 1.0 in UTF-8); what it takes from the knowledge of Equipoise stands in it as codes.

    Files of a user's own facts are found beside the study file, and what they say is part of the study and its hash.

    Raises `SpecError` (exit code 10) with every fault found: unreadable file, broken TOML, unknown keys, wrong types,
    names that are used but not defined, settings that contradict each other.

    >>> read_study("no-such-study.toml")
    Traceback (most recent call last):
    equipoise.errors.SpecError: no-such-study.toml: no such file; allowed: the path of a study file (TOML)
    """
    return with_knowledge(read_plain_study(path), Path(path).parent)


def with_knowledge(study: Study, folder: Path | None = None) -> Study:
    """The study with codes in place of every item that names knowledge; one without such items as it is.

    `folder` is where files of a user's own facts lie. Raises `SpecError` with every fault of such files, also where
    there is no folder to find them in.
    """
    faults: list[Fault] = []
    sets = {name: _expanded(name, given, folder, faults) for name, given in study.concept_sets.items()}
    analyses = tuple(_scored(analysis, sets, folder, faults) for analysis in study.analyses)
    if faults:
        raise SpecError(faults)
    if sets == dict(study.concept_sets):
        return study
    return study.model_copy(update={"concept_sets": Table(sets), "analyses": analyses})


def _scored(analysis: Analysis, sets: dict[str, ConceptSet], folder: Path | None, faults: list[Fault]) -> Analysis:
    """The analysis with a scale of concept sets in place of knowledge; the sets join those of the study."""
    design = analysis.follow_up
    if design is None or design.score is None or design.score.knowledge is None:
        return analysis
    given, where = design.score, f'analyses["{analysis.id}"].design.score'
    try:
        facts = _facts(given.file, folder)
    except EquipoiseError as error:
        faults += [replace(fault, where=f"{where}.file: {fault.where}") for fault in error.faults]
        return analysis
    groups: dict[str, list[RemDrug]] = {}
    for drug in facts.drugs:
        if drug.score is not None:
            groups.setdefault(f"score {drug.score}" if given.combine == "highest" else drug.ingredient, []).append(drug)
    topic = f"REM sleep, {given.file}" if given.file else "REM sleep"
    own = {f"{topic}: {name}"[:80]: drugs for name, drugs in sorted(groups.items())}
    for name, drugs in own.items():
        sets[name] = ConceptSet(domain="drug", include=tuple(drug.concept_item for drug in drugs))
    scale = tuple(ScoredDrugs(concept_set=name, score=float(drugs[0].score or 0)) for name, drugs in own.items())
    if not any(item.score > 0 for item in scale):
        faults.append(Fault(where, "no drug of the facts has a score above 0", "at least one"))
        return analysis
    score = given.model_copy(update={"knowledge": None, "file": None, "scored": scale})
    return analysis.model_copy(update={"design": design.model_copy(update={"score": score})})


def _expanded(name: str, given: ConceptSet, folder: Path | None, faults: list[Fault]) -> ConceptSet:
    changed = {}
    for key in ("include", "exclude"):
        items = getattr(given, key)
        if items is not None and any(item.knowledge for item in items):
            where = f"concept_sets.{name}.{key}"
            changed[key] = tuple(
                new for i, item in enumerate(items) for new in _codes(item, f"{where}[{i}]", folder, faults)
            )
    return given.model_copy(update=changed) if changed else given


def _codes(item: ConceptItem, where: str, folder: Path | None, faults: list[Fault]) -> Iterator[ConceptItem]:
    """The drugs that an item asks for; the item itself where it names codes."""
    if item.knowledge is None:
        yield item
        return
    try:
        groups = rem_groups(_facts(item.file, folder), item.set or "default")
    except EquipoiseError as error:
        faults += [replace(fault, where=f"{where}.file: {fault.where}") for fault in error.faults]
        return
    drugs = getattr(groups, str(item.group))
    if not drugs:
        found = f"no drug of {item.file or 'the knowledge of Equipoise'} is in the group {item.group!r}"
        faults.append(
            Fault(where, found, "a group with at least one drug", f"choose another set than {item.set or 'default'!r}")
        )
    yield from (drug.concept_item for drug in drugs)


def _facts(file: str | None, folder: Path | None) -> RemFacts:
    if file is None:
        return rem_facts()
    if folder is None:
        remedy = "read the study from its file with equipoise.read_study"
        raise SpecError(Fault(file, "a path relative to a study file, of a study that has none", "", remedy))
    return rem_facts(folder / file)
