"""Models of weighted persons whose variance knows that the weights were estimated: `fit_weighted`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.adjustment_rows import AdjustmentRows, adjusted_frame, adjusted_set
from equipoise.estimators.average_effect_weighted import BOOTSTRAP, ESTIMATED, INFLUENCE, KNOWN, ROBUST
from equipoise.estimators.count_rows import spread
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.cox_fit import CoxFit
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.poisson import fit_poisson
from equipoise.estimators.table import Table
from equipoise.estimators.weighted_scores import ModelScores, model_scores
from equipoise.estimators.weighting import Weighting, check_weighting
from equipoise.estimators.weighting_bootstrap import covariance_of, replicates_of
from equipoise.estimators.weighting_influence import squared

VARIANCES = (INFLUENCE, ROBUST, BOOTSTRAP)
MODELS = (fit_cox, fit_logistic, fit_poisson)
OWN = ("weights", "robust", "overdispersion")  # arguments of a model whose place `fit_weighted` takes
NOT_DETERMINED = "no (some estimate is infinite or missing)"

F = TypeVar("F", CoxFit, GlmFit)


def fit_weighted(
    weighting: Weighting,
    model: Callable[..., F],
    *,
    variance: str | None = None,
    cluster: str | np.ndarray | None = None,
    replicates: int = 1000,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    **arguments: Any,
) -> F:
    """Fit a model to weighted persons, with a covariance that accounts for the estimation of the weights.

    weighting   what `weigh` returned; the model is fitted to its data with its weights
    model       `fit_cox`, `fit_logistic` or `fit_poisson`
    variance    "influence" (the default where the score came as a fit of `fit_logistic`): squared influence of each
                person, the propensity model included. "robust" (the default else): the score is taken as known.
                "bootstrap": persons are drawn with replacement and the propensity model is fitted anew to each draw
    cluster     families, say: influences are added up within them; not for the bootstrap
    replicates, seed   of the bootstrap
    progress    called with (replicates done, replicates) after each one
    arguments   of the model: `covariates=["drug"]`, `time=`, `event=`, `strata=`, `outcome=` and so on. For an
                AnalysisSet that was weighed the exposure is its column "arm"

    Returns the model's own fit; its `covariance` is replaced and its `variance` says by what. Profile intervals are
    those of a likelihood and are not offered. With one arm empty every term is nan with a reason.

    Weights that were truncated do not move with the score: their derivative is zero, and percentiles are taken as
    known. Under Efron's ties, score residuals are those of Therneau and Grambsch, as in R.

    Raises UnsupportedError for other and penalised models; for "influence" and "bootstrap" where the model behind the
    score is not known or penalised; for a bootstrap beside a cluster. DesignError for arguments set here.

    Source: Newey, McFadden, Handbook of Econometrics 1994;4:2176; Shu et al., Biometrics 2021;77:1010 (Cox).

    Example:
        >>> import numpy as np
        >>> from equipoise import fit_logistic, fit_weighted, weigh
        >>> rng = np.random.default_rng(1)
        >>> age = rng.normal(size=400)
        >>> drug = rng.random(400) < 1 / (1 + np.exp(-age))
        >>> ill = rng.random(400) < 1 / (1 + np.exp(1 - age))
        >>> people = {"age": age, "drug": drug, "ill": ill}
        >>> score = fit_logistic(people, outcome="drug", covariates=["age"])
        >>> made = weigh(people, arm="drug", score=score)
        >>> fit_weighted(made, fit_logistic, outcome="ill", covariates=["drug"]).variance
        'influence-function, propensity model estimated'
    """
    check_weighting(weighting)
    kind = variance or (INFLUENCE if weighting.knows_its_model else ROBUST)
    _check(model, kind, cluster, arguments)
    rows = weighting.rows
    fit = _fit(rows, model, weighting.weights, None, arguments)
    if weighting.reason is not None:
        return replace(fit, reasons=(weighting.reason,) * len(fit.terms), variance=NOT_DETERMINED)
    scores = model_scores(fit)
    if scores is None:
        return _with(fit, np.full_like(fit.covariance, np.nan), NOT_DETERMINED)
    if kind == BOOTSTRAP:
        return _with(fit, *_bootstrap(weighting, model, arguments, fit, (replicates, seed), progress))
    code = None if cluster is None else spread(rows.source.codes(cluster, "cluster"))
    covariance = squared(_influence(weighting, scores, kind == INFLUENCE), code)
    return _with(fit, covariance, ESTIMATED if kind == INFLUENCE else f"robust, {KNOWN}")


def _influence(weighting: Weighting, scores: ModelScores, estimated: bool) -> np.ndarray:
    """The influence of each person on each term, (n, p)."""
    change = scores.scores * weighting.weights[:, None]
    if estimated:
        change = change + weighting.nuisance().correction(scores.scores)
    return change @ scores.to_coefficients


def _bootstrap(
    weighting: Weighting,
    model: Callable[..., F],
    arguments: dict[str, Any],
    fit: F,
    draws: tuple[int, int],
    progress: Callable[[int, int], None] | None,
) -> tuple[np.ndarray, str]:
    kept = [reason is None for reason in fit.reasons]
    found = []
    for done, draw in enumerate(replicates_of(weighting, *draws), 1):
        if draw is not None:
            again = _fit(weighting.rows, model, draw.weights, draw.at, arguments)
            same = again.terms == fit.terms  # a level of a factor can be missing from a draw
            if same and np.isfinite(again.coefficients[kept]).all():
                found.append(again.coefficients)
        if progress is not None:
            progress(done, draws[0])
    return covariance_of(np.array(found).reshape(-1, len(fit.terms)), draws[0])


def _fit(
    rows: AdjustmentRows, model: Callable[..., F], weights: np.ndarray, at: np.ndarray | None, arguments: dict[str, Any]
) -> F:
    """The model of the rows at positions `at`, all by default, with these weights and a model-based covariance."""
    own, everybody = rows.source.data, np.arange(len(rows))
    at = everybody if at is None else at
    given = {name: _drawn(value, at, len(rows)) for name, value in arguments.items()}
    if isinstance(own, Table):
        name = _free_name(own)
        return model(adjusted_frame(rows, at, {name: weights}), weights=name, robust=False, **given)
    if rows.source.analysis_set is not None:
        return model(replace(adjusted_set(rows, at), weight=weights), robust=False, **given)
    return model(np.asarray(own)[at], weights=weights, robust=False, **given)


def _drawn(value: Any, at: np.ndarray, n: int) -> Any:
    """An array of one value a row at the positions drawn; any other argument as it is."""
    return value[at] if isinstance(value, np.ndarray) and value.shape[:1] == (n,) else value


def _with(fit: F, covariance: np.ndarray, words: str) -> F:
    absent = np.array([reason is not None for reason in fit.reasons])
    covariance = covariance.copy()
    covariance[absent, :] = covariance[:, absent] = np.nan
    return replace(fit, covariance=covariance, variance=words, profile=None)


def _free_name(table: Table) -> str:
    name = "weight"
    while name in table.frame.columns:
        name += "_"
    return name


def _check(model: Callable[..., Any], kind: str, cluster: Any, arguments: dict[str, Any]) -> None:
    if model not in MODELS:
        named = getattr(model, "__name__", type(model).__name__)
        raise UnsupportedError(Fault("model", named, ", ".join(known.__name__ for known in MODELS)))
    if kind not in VARIANCES:
        raise UnsupportedError(Fault("variance", repr(kind), ", ".join(VARIANCES)))
    taken = [name for name in OWN if name in arguments]
    if taken:
        raise DesignError(Fault(name, "given to fit_weighted, which sets it", "variance=") for name in taken)
    if kind == BOOTSTRAP and cluster is not None:
        raise UnsupportedError(Fault("cluster", "given beside the bootstrap", "variance 'influence' or 'robust'"))
