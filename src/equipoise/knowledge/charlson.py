"""The comorbidities of the Charlson index: codes, weights, and which count in place of which."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from equipoise.spec.concepts import ConceptItem, ConceptSet


@dataclass(frozen=True, slots=True)
class Comorbidity:
    """A comorbidity: starts of ICD-10 codes, weight, and comorbidities that are counted in its place."""

    name: str
    weight: int
    codes: tuple[str, ...]
    unless: tuple[str, ...] = ()

    @property
    def concept_set(self) -> ConceptSet:
        """Conditions whose source value starts with one of the codes."""
        return ConceptSet(domain="condition", include=tuple(ConceptItem(code_prefix=code) for code in self.codes))


@cache
def charlson_comorbidities() -> tuple[Comorbidity, ...]:
    """The seventeen comorbidities of Quan et al. 2005 with the weights of Charlson 1987.

    >>> len(charlson_comorbidities()), charlson_comorbidities()[0].name
    (17, 'myocardial infarction')
    """
    read = tomllib.loads(files("equipoise.knowledge").joinpath("charlson.toml").read_text(encoding="utf-8"))
    return tuple(
        Comorbidity(row["name"], row["weight"], tuple(row["codes"]), tuple(row.get("unless", ())))
        for row in read["comorbidities"]
    )


def charlson_index(has: Mapping[str, np.ndarray]) -> np.ndarray:
    """The sum of weights, float64 (n,), from a bool (n,) for every comorbidity by name.

    >>> names = [one.name for one in charlson_comorbidities()]
    >>> has = {name: np.array([name.startswith("diabetes")]) for name in names}
    >>> charlson_index(has)  # with complication: 2; without is not counted beside it
    array([2.])
    """
    total = np.zeros(len(next(iter(has.values()))))
    for one in charlson_comorbidities():
        counts = has[one.name].copy()
        for instead in one.unless:
            counts &= ~has[instead]
        total += one.weight * counts
    return total
