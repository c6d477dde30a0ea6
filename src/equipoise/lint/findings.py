"""What a reader of the protocol would object to, as a value."""

from dataclasses import dataclass

from equipoise.spec.study import Analysis, Study


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw of the design, seen before any data are touched. It warns; it never stops a study.

    code    a short name that stays the same
    where   the place in the study file
    says    what the study does there
    why     what can go wrong, with the paper that shows it
    remedy  what to change, or to state
    """

    code: str
    where: str
    says: str
    why: str
    remedy: str


def under(analysis: Analysis, key: str) -> str:
    """A setting of an analysis, as messages name it."""
    return f'analyses["{analysis.id}"].{key}'


def adjusted(study: Study, analysis: Analysis) -> list:
    """The covariates an analysis adjusts for."""
    return [study.covariate(name) for name in analysis.adjust_for]
