"""What Equipoise knows, as rows to print: each topic with its columns and the sources behind them."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from equipoise.knowledge.charlson import charlson_comorbidities
from equipoise.knowledge.rem_sleep import REM_SETS, RemDrug, RemGroups, rem_facts, rem_groups
from equipoise.spec.concepts import RemSet


@dataclass(frozen=True, slots=True)
class Listing:
    """One topic: a sentence, columns, rows of as many texts, and citations by key."""

    says: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sources: Mapping[str, str]


TOPICS: dict[str, str] = {
    "rem-sleep": "which antidepressants suppress REM sleep, how much, by whom it was found, and where studies conflict",
    "charlson": "the comorbidities of the Charlson index: weights and starts of ICD-10 codes",
}


def rem_sleep_listing(of: RemSet = "default", file: str | Path | None = None) -> Listing:
    """Every drug with the group that a set puts it in. `file` holds facts of a user's own.

    Raises `SpecError` with every fault of the file.

    >>> listing = rem_sleep_listing("strict")
    >>> listing.columns[:3], len(listing.rows)
    (('atc', 'ingredient', 'rxcui'), 30)
    """
    facts = rem_facts(file)
    columns = ("atc", "ingredient", "rxcui", "group", "effect", "score", "change", "contested", "sources", "note")
    rows = tuple(_rem_row(drug, group) for drug, group in _grouped(rem_groups(facts, of)))
    return Listing(f"set {of}: {REM_SETS[of]}", columns, rows, facts.sources)


def _grouped(groups: RemGroups) -> Iterator[tuple[RemDrug, str]]:
    for group in ("suppressing", "non_suppressing", "neither"):
        for drug in sorted(getattr(groups, group), key=lambda one: one.atc):
            yield drug, group


def _rem_row(drug: RemDrug, group: str) -> tuple[str, ...]:
    score = "" if drug.score is None else str(drug.score)
    change = "" if drug.change_percent is None else f"{drug.change_percent:+g} %"
    rxcui = "" if drug.rxcui is None else str(drug.rxcui)
    contested = "contested" if drug.contested else ""
    sources, note = " ".join(drug.sources), drug.note or ""
    return drug.atc, drug.ingredient, rxcui, group, drug.effect, score, change, contested, sources, note


def charlson_listing() -> Listing:
    """Every comorbidity of the Charlson index.

    >>> len(charlson_listing().rows)
    17
    """
    rows = tuple(
        (one.name, str(one.weight), " ".join(one.codes), ", ".join(one.unless)) for one in charlson_comorbidities()
    )
    sources = tomllib.loads(knowledge_file("charlson"))["sources"]
    return Listing("ICD-10 codes by their starts", ("comorbidity", "weight", "codes", "not_beside"), rows, sources)


def knowledge_file(topic: str) -> str:
    """The file behind a topic, word for word: the form in which a user brings facts of their own.

    >>> knowledge_file("charlson").startswith("# Comorbidities")
    True
    """
    name = f"{topic.replace('-', '_')}.toml"
    return files("equipoise.knowledge").joinpath(name).read_text(encoding="utf-8")
