"""The parts of a study file that are sound by themselves, so that contradictions show beside faults elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.contrasts import Contrast
from equipoise.spec.covariate_sets import CovariateSet
from equipoise.spec.covariates import Covariate
from equipoise.spec.exposures import Exposure
from equipoise.spec.grids import Grid
from equipoise.spec.negative_controls import NegativeControls
from equipoise.spec.published import Published
from equipoise.spec.references import items, table
from equipoise.spec.study import Analysis, Sensitivity, changed
from equipoise.spec.triangulation import Answer
from equipoise.spec.windows import Window

_COVARIATE = TypeAdapter[Any](Covariate)


@dataclass(frozen=True, slots=True)
class Parts:
    """Sound parts by name, or by position in their list."""

    concept_sets: dict[str, ConceptSet]
    cohorts: dict[str, CohortDefinition]
    exposures: dict[str, Exposure]
    windows: dict[str, Window]
    covariates: dict[int, Any]
    analyses: dict[int, Analysis]
    sensitivity: dict[int, Sensitivity]
    published: dict[int, Published]
    contrasts: dict[int, Contrast]
    answers: dict[int, Answer]
    covariate_sets: dict[str, CovariateSet]
    grids: dict[int, Grid]
    negative_controls: dict[str, NegativeControls]

    def covariate(self, name: str) -> Any | None:
        return next((item for item in self.covariates.values() if item.name == name), None)

    def analysis(self, id: str) -> Analysis | None:
        return next((item for item in self.analyses.values() if item.id == id), None)

    def every_analysis(self, id: str) -> Analysis | None:
        """A main or a sensitivity analysis; None where it is unknown or not sound."""
        item = next((item for item in self.sensitivity.values() if item.id == id), None)
        base = None if item is None else self.analysis(item.base)
        if item is None or base is None:
            return self.analysis(id)
        try:
            return changed(base, item)
        except ValidationError:
            return None


def sound_parts(raw: Any) -> Parts:
    """Each table of the file read on its own; those with a fault are left out."""
    return Parts(
        concept_sets=dict(_sound(TypeAdapter(ConceptSet), table(raw, "concept_sets").items())),
        cohorts=dict(_sound(TypeAdapter(CohortDefinition), table(raw, "cohorts").items())),
        exposures=dict(_sound(TypeAdapter(Exposure), table(raw, "exposures").items())),
        windows=dict(_sound(TypeAdapter(Window), table(raw, "windows").items())),
        covariates=dict(_sound(_COVARIATE, items(raw, "covariates"))),
        analyses=dict(_sound(TypeAdapter(Analysis), items(raw, "analyses"))),
        sensitivity=dict(_sound(TypeAdapter(Sensitivity), items(raw, "sensitivity"))),
        published=dict(_sound(TypeAdapter(Published), items(raw, "published"))),
        contrasts=dict(_sound(TypeAdapter(Contrast), items(raw, "contrasts"))),
        answers=dict(_sound(TypeAdapter(Answer), items(table(raw, "triangulation"), "answers"))),
        covariate_sets=dict(_sound(TypeAdapter(CovariateSet), table(raw, "covariate_sets").items())),
        grids=dict(_sound(TypeAdapter(Grid), items(raw, "grids"))),
        negative_controls=dict(_sound(TypeAdapter(NegativeControls), _given(raw, "negative_controls"))),
    )


def _given(raw: Any, key: str) -> list[tuple[str, Any]]:
    """The one table under `key`, if there is one."""
    return [(key, raw[key])] if isinstance(raw, dict) and raw.get(key) is not None else []


def _sound(kind: TypeAdapter[Any], parts: Any) -> Iterator[tuple[Any, Any]]:
    for name, part in parts:
        try:
            yield name, kind.validate_python(part)
        except ValidationError:
            continue
