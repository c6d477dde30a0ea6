"""Contradictions that designs of every kind share: subgroups without levels, imputation of what cannot be missing."""

from collections.abc import Iterator
from typing import Any

from equipoise.spec.contradictions import Said, repeated
from equipoise.spec.covariates import NUMERIC
from equipoise.spec.parts import Parts
from equipoise.spec.places import Path
from equipoise.spec.study import Analysis


def subgroup_contradictions(parts: Parts, analysis: Analysis, where: Path) -> Iterator[Said]:
    """Covariates that have no levels, or stand twice."""
    yield from repeated((*where, "subgroups"), analysis.subgroups)
    for i, name in enumerate(analysis.subgroups):
        covariate = parts.covariate(name)
        numeric = covariate is not None and covariate.kind in NUMERIC
        if numeric or (covariate is not None and covariate.kind == "age" and not covariate.groups_from):
            yield (*where, "subgroups", i), f"covariate {name!r} is a number", "a covariate with levels"


def can_be_missing(covariate: Any) -> bool:
    """Whether a covariate may have no value: measurements, categories, and characteristics where that is asked for."""
    return covariate.kind in ("measurement", "category") or getattr(covariate, "unknown", "level") == "missing"


def missing_contradictions(parts: Parts, analysis: Analysis, where: Path) -> Iterator[Said]:
    """Multiple imputation where nothing can be missing, of interactions, and beside profile intervals."""
    if analysis.missing.method != "multiple_imputation":
        return
    known = [covariate for name in analysis.adjust_for if (covariate := parts.covariate(name)) is not None]
    absent = {covariate.name for covariate in known if can_be_missing(covariate)}
    if len(known) == len(analysis.adjust_for) and not absent:
        allowed = "adjust_for with a measurement, a category, or a characteristic of which unknown = 'missing'"
        yield (*where, "missing"), "multiple imputation of covariates that are never missing", allowed
    for i, pair in enumerate(analysis.interactions):
        if absent & set(pair):
            found = f"{pair[0]!r} × {pair[1]!r} with multiple imputation"
            remedy = "an imputation that does not know the interaction draws it towards none; use complete cases"
            yield (*where, "interactions", i), found, "interactions of covariates that are never missing", remedy
    if analysis.follow_up is not None and analysis.follow_up.estimator.bootstrap is not None:
        found, remedy = "multiple imputation with a bootstrap", "Rubin's rules give the limits"
        yield (*where, "missing"), found, "one of them", remedy
    if analysis.interval == "profile":
        found = "profile intervals with multiple imputation"
        yield (*where, "interval"), found, 'interval = "wald"', "likelihoods of completed data sets cannot be pooled"
