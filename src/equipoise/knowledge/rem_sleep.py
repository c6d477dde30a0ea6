"""Which antidepressants suppress REM sleep: facts with their sources, and the groups a study makes of them.

Facts and judgement are apart: `rem_sleep.toml` says what studies found of each drug, a `RemSet` says what becomes of
drugs on which they conflict.
"""

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from equipoise.errors import Fault, SpecError
from equipoise.spec.concepts import ConceptItem, RemSet, SameConcept
from equipoise.spec.model import Model
from equipoise.spec.values import Text, Wrong
from equipoise.spec.wording import worded

RXNORM = ("RxNorm", "RxNorm Extension")
Effect = Literal["suppresses", "none", "conflicting"]
REM_SETS: dict[RemSet, str] = {
    "strict": "uncontested suppressors against uncontested non-suppressors; every contested drug in neither group",
    "default": "drugs on which studies conflict in neither group; a contested drug where most studies put it",
    "liberal_suppressing": "as default, drugs on which studies conflict counted as suppressing",
    "liberal_non_suppressing": "as default, drugs on which studies conflict counted as not suppressing",
}


class RemDrug(Model):
    """What is known of one drug."""

    atc: Annotated[str, Field(pattern=r"^[A-Z]\d\d[A-Z]{2}\d\d$")]
    """ATC code, level 5."""
    ingredient: Text
    """International nonproprietary name, in lower case."""
    rxcui: Annotated[int, Field(gt=0)] | None = None
    """Identifier of the ingredient in RxNorm."""
    effect: Effect
    """What polysomnography finds."""
    score: Annotated[int, Field(ge=0, le=3)] | None = None
    """Strength of suppression: 0 none, 1 slight, 2 clear, 3 strong."""
    change_percent: float | None = None
    """Change of REM sleep in percent of that without the drug, where a source gives it."""
    contested: bool = False
    """Whether a source disagrees."""
    sources: tuple[str, ...] = ()
    """Keys of the sources."""
    note: str | None = None
    """What the sources say, in a sentence."""

    @model_validator(mode="after")
    def _consistent(self) -> "RemDrug":
        if self.effect == "suppresses" and not self.score:
            raise Wrong(f"score = {self.score} with effect = 'suppresses'", "a score of 1, 2 or 3")
        if self.effect == "none" and self.score not in (0, None):
            raise Wrong(f"score = {self.score} with effect = 'none'", "score = 0, or none")
        return self

    @property
    def concept_item(self) -> ConceptItem:
        """The drug in any database: its ATC code and its ingredient in RxNorm, each with what lies below it.

        >>> rem_facts().drugs[0].concept_item.also[0].code
        '2556'
        """
        also = [SameConcept(vocabulary="RxNorm", code=str(self.rxcui))] if self.rxcui is not None else []
        also += [SameConcept(vocabulary=name, name=self.ingredient) for name in RXNORM]
        return ConceptItem(vocabulary="ATC", code=self.atc, also=tuple(also), descendants=True)


class RemFacts(Model):
    """All facts, each with its sources."""

    sources: dict[str, str] = Field(default_factory=dict)
    """Citations by key."""
    drugs: Annotated[tuple[RemDrug, ...], Field(min_length=1)]
    """One entry a drug."""

    @model_validator(mode="after")
    def _coherent(self) -> "RemFacts":
        unknown = sorted({key for drug in self.drugs for key in drug.sources} - set(self.sources))
        if unknown:
            raise Wrong(f"sources {', '.join(unknown)}", "keys of the table of sources", "add the citation")
        codes = [drug.atc for drug in self.drugs]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise Wrong(f"{', '.join(twice)} more than once", "one entry a drug")
        return self


@dataclass(frozen=True, slots=True)
class RemGroups:
    """The groups of one `RemSet`, each in the order of the facts."""

    suppressing: tuple[RemDrug, ...]
    non_suppressing: tuple[RemDrug, ...]
    neither: tuple[RemDrug, ...]


def rem_facts(path: str | Path | None = None) -> RemFacts:
    """The facts that come with the package, or those of a file of the same form.

    Raises `SpecError` with every fault of the file.

    >>> next(drug.effect for drug in rem_facts().drugs if drug.ingredient == "sertraline")
    'suppresses'
    """
    name = str(path) if path else "rem_sleep.toml"
    try:
        content = Path(path).read_bytes() if path else (files("equipoise.knowledge") / name).read_bytes()
        raw = tomllib.loads(content.decode())
    except OSError as error:
        raise SpecError(Fault(name, error.strerror or "cannot be read", "a file of facts in TOML")) from None
    except ValueError as error:
        raise SpecError(Fault(name, f"not TOML: {error}", "a file of facts in TOML")) from None
    return _checked(raw, name)


def _checked(raw: dict[str, Any], name: str) -> RemFacts:
    try:
        return RemFacts.model_validate(raw)
    except ValidationError as error:
        faults = worded(error, RemFacts, raw)
        raise SpecError([replace(fault, where=f"{name}, {fault.where}") for fault in faults]) from None


def rem_groups(facts: RemFacts, of: RemSet = "default") -> RemGroups:
    """Which drugs suppress REM sleep, which do not, and which are in neither group.

    >>> [drug.ingredient for drug in rem_groups(rem_facts()).neither]
    ['moclobemide', 'trazodone']
    >>> "bupropion" in [drug.ingredient for drug in rem_groups(rem_facts(), "strict").non_suppressing]
    False
    """
    groups: dict[str, list[RemDrug]] = {"suppressing": [], "non_suppressing": [], "neither": []}
    for drug in facts.drugs:
        groups[_group(drug, of)].append(drug)
    return RemGroups(**{name: tuple(drugs) for name, drugs in groups.items()})


def _group(drug: RemDrug, of: RemSet) -> str:
    if of == "strict" and drug.contested:
        return "neither"
    if drug.effect == "conflicting":
        return of.removeprefix("liberal_") if of.startswith("liberal") else "neither"
    return "suppressing" if drug.effect == "suppresses" else "non_suppressing"


def rem_score(facts: RemFacts, atc: str) -> int | None:
    """Strength of REM suppression of a drug, 0 to 3; None where it is unknown or studies conflict.

    >>> rem_score(rem_facts(), "N06AA04"), rem_score(rem_facts(), "N06AX05")
    (3, None)
    """
    return next((drug.score for drug in facts.drugs if drug.atc == atc), None)
