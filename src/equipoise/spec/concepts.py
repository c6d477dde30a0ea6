"""Concept sets: which records of a database count as the thing a study names."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import LARGEST_ID, Text, Wrong

Domain = Literal["condition", "drug", "procedure", "measurement", "observation", "visit", "death"]


class ConceptItem(Model):
    """One way of naming concepts. Exactly one of three forms.

    - `concept_id`: a concept, with or without its descendants in `concept_ancestor`
    - `vocabulary` and `code`: the concept with this code in this vocabulary, with or without descendants
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

    @model_validator(mode="after")
    def _one_form(self) -> "ConceptItem":
        forms = ("concept_id", "code", "code_prefix")
        given = [form for form in forms if getattr(self, form) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of concept_id, code and code_prefix"
            raise Wrong(found, "exactly one of concept_id, code (with vocabulary) and code_prefix", "one item for each")
        if self.code is not None and self.vocabulary is None:
            raise Wrong("a code without vocabulary", "code together with vocabulary", 'add vocabulary = "ICD10", say')
        if self.concept_id is not None and self.vocabulary is not None:
            raise Wrong("a concept_id with vocabulary", "a concept_id alone", "remove vocabulary")
        if self.code_prefix is not None and self.descendants:
            raise Wrong("a code_prefix with descendants", "a code_prefix alone", "it covers every longer code already")
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

    @model_validator(mode="after")
    def _death_needs_no_concepts(self) -> "ConceptSet":
        if self.domain != "death" and self.include is None:
            raise Wrong("no include", "at least one concept", 'only in the domain "death" does any record count')
        return self
