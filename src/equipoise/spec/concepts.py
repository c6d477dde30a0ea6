"""Concept sets: which records of a database count as the thing a study names."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model

Domain = Literal["condition", "drug", "procedure", "measurement", "observation", "visit", "death"]


class ConceptItem(Model):
    """One way of naming concepts. Exactly one of three forms.

    `concept_id`             a concept, with or without its descendants in `concept_ancestor`
    `vocabulary` + `code`    the concept with this code in this vocabulary, with or without descendants
    `code_prefix`            source codes that start so (dots and letter case ignored); with `vocabulary`, the code of
                             the record's source concept in that vocabulary counts as well as the source value
    """

    concept_id: Annotated[int, Field(ge=0)] | None = None
    vocabulary: Annotated[str, Field(min_length=1)] | None = None
    code: Annotated[str, Field(min_length=1)] | None = None
    code_prefix: Annotated[str, Field(min_length=1)] | None = None
    descendants: bool = False

    @model_validator(mode="after")
    def _one_form(self) -> "ConceptItem":
        given = [self.concept_id is not None, self.code is not None, self.code_prefix is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of concept_id, code (with vocabulary) or code_prefix")
        if self.code is not None and self.vocabulary is None:
            raise ValueError("a code needs the vocabulary it belongs to")
        if self.concept_id is not None and self.vocabulary is not None:
            raise ValueError("a concept_id needs no vocabulary")
        if self.code_prefix is not None and self.descendants:
            raise ValueError("a code_prefix has no descendants; it already covers every longer code")
        return self


class ConceptSet(Model):
    """A named set of records: those of `domain` that match any `include` item and no `exclude` item."""

    domain: Domain
    label: str | None = None
    include: Annotated[tuple[ConceptItem, ...], Field(min_length=1)] | None = None
    exclude: tuple[ConceptItem, ...] = ()

    @model_validator(mode="after")
    def _death_needs_no_concepts(self) -> "ConceptSet":
        if self.domain != "death" and self.include is None:
            raise ValueError("include names at least one concept, except in the domain death, where any death counts")
        return self
