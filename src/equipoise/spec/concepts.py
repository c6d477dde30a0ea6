"""Concept sets: which records of a database count as the thing a study names."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import LARGEST_ID, Text, Wrong, shown

RemSet = Literal["strict", "default", "liberal_suppressing", "liberal_non_suppressing"]
Domain = Literal["condition", "drug", "procedure", "measurement", "observation", "visit", "death"]


class SameConcept(Model):
    """What an item's code stands for, in another vocabulary: by its code there, or by its name."""

    vocabulary: Text
    """The other vocabulary, as the database calls it."""
    code: Text | None = None
    """A code of that vocabulary."""
    name: Text | None = None
    """Name of a concept of that vocabulary; letter case is ignored."""

    @model_validator(mode="after")
    def _one_form(self) -> "SameConcept":
        if (self.code is None) == (self.name is None):
            found = "neither code nor name" if self.code is None else "both code and name"
            raise Wrong(found, "exactly one of code and name")
        return self


class ConceptItem(Model):
    """One way of naming concepts. Exactly one of four forms.

    - `concept_id`: a concept, with or without its descendants in `concept_ancestor`
    - `vocabulary` and `code`: the concept with this code in this vocabulary, with or without descendants; with `also`,
      the concepts that stand for the same in other vocabularies as well
    - `knowledge`: the drugs of one group of what Equipoise knows, each by its ATC code and by its ingredient in RxNorm,
      with descendants; `equipoise knowledge` lists them
    - `code_prefix`: source codes that start so (dots and letter case ignored); with `vocabulary`, the code of the
      record's source concept in that vocabulary counts as well as the source value
    """

    concept_id: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    """Identifier of a concept."""
    vocabulary: Text | None = None
    """The vocabulary of `code` or `code_prefix`, as the database calls it."""
    code: Text | None = None
    """A code of that vocabulary."""
    code_prefix: Text | None = None
    """Start of source codes."""
    descendants: bool = False
    """Whether concepts below it count as well."""
    also: tuple[SameConcept, ...] = ()
    """The same in other vocabularies; what any of them finds counts, and a record counts once."""
    knowledge: Literal["rem_sleep"] | None = None
    """A topic of `equipoise knowledge`."""
    group: Literal["suppressing", "non_suppressing", "neither"] | None = None
    """With `knowledge`: which drugs."""
    set: RemSet | None = None
    """With `knowledge`: what becomes of contested drugs; `default` where this is left out."""
    file: Text | None = None
    """With `knowledge`: facts of your own in place of those of Equipoise, by a path relative to the study file."""

    @model_validator(mode="after")
    def _one_form(self) -> "ConceptItem":
        forms = ("concept_id", "code", "code_prefix", "knowledge")
        given = [form for form in forms if getattr(self, form) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of concept_id, code, code_prefix and knowledge"
            allowed = "exactly one of concept_id, code (with vocabulary), code_prefix and knowledge"
            raise Wrong(found, allowed, "one item for each")
        if self.also and self.code is None:
            raise Wrong(f"{given[0]} with also", "also together with vocabulary and code")
        if self.knowledge is not None:
            self._knowledge_alone()
        elif of_knowledge := [key for key in ("group", "set", "file") if getattr(self, key) is not None]:
            raise Wrong(f"{of_knowledge[0]} without knowledge", "group, set and file together with knowledge")
        if self.code is not None and self.vocabulary is None:
            raise Wrong("a code without vocabulary", "code together with vocabulary", 'add vocabulary = "ICD10", say')
        if self.concept_id is not None and self.vocabulary is not None:
            raise Wrong("a concept_id with vocabulary", "a concept_id alone", "remove vocabulary")
        if self.code_prefix is not None and self.descendants:
            raise Wrong("a code_prefix with descendants", "a code_prefix alone", "it covers every longer code already")
        return self

    def _knowledge_alone(self) -> None:
        if self.group is None:
            allowed = "suppressing, non_suppressing or neither"
            raise Wrong("knowledge without group", allowed, "say which drugs")
        if self.vocabulary is not None or self.descendants:
            found = "vocabulary" if self.vocabulary is not None else "descendants"
            raise Wrong(f"knowledge with {found}", "knowledge with group, set and file", f"remove {found}")


class ValueLimits(Model):
    """Which numbers count, in whatever unit the database has; a record without a number does not count."""

    at_least: float | None = None
    """Lowest number that counts."""
    below: float | None = None
    """Numbers from here on do not count."""

    @model_validator(mode="after")
    def _some_numbers(self) -> "ValueLimits":
        if self.at_least is None and self.below is None:
            raise Wrong("neither at_least nor below", "one of them, or both")
        if self.at_least is not None and self.below is not None and not self.at_least < self.below:
            raise Wrong(f"at_least = {self.at_least:g} with below = {self.below:g}", "at_least smaller than below")
        return self


class ConceptSet(Model):
    """A named set of records: those of `domain` that match any `include` item and no `exclude` item."""

    domain: Domain
    """Kind of records."""
    label: str | None = None
    """Name in the report."""
    include: Annotated[tuple[ConceptItem, ...], Field(min_length=1)] | None = None
    """What counts; only in the domain `death` may it be left out."""
    exclude: tuple[ConceptItem, ...] = ()
    """What does not count after all."""
    value: ValueLimits | None = None
    """Numbers that count, such as a vital capacity below 50 %; with measurements and observations."""

    @model_validator(mode="after")
    def _death_needs_no_concepts(self) -> "ConceptSet":
        if self.domain != "death" and self.include is None:
            raise Wrong("no include", "at least one concept", 'only in the domain "death" does any record count')
        if self.value is not None and self.domain not in ("measurement", "observation"):
            found = f"value in the domain {shown(self.domain)}"
            raise Wrong(found, 'value in the domain "measurement" or "observation"', "other records hold no number")
        if self.domain != "drug" and any(item.knowledge for item in (*(self.include or ()), *self.exclude)):
            raise Wrong(f"knowledge of drugs in the domain {shown(self.domain)}", 'knowledge in the domain "drug"')
        return self
