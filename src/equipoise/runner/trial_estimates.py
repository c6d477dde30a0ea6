"""The steps that fit the methods of a target trial: batches of the bootstrap, then rows of estimates and curves."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import exp, log
from typing import Any

import numpy as np

from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.estimators.tails import normal_quantile, two_sided_p
from equipoise.estimators.trial_doubly_robust import DoublyRobust
from equipoise.estimators.trial_fit import TrialFit
from equipoise.estimators.trial_risks import TrialRisks
from equipoise.runner.artifact import Artifact
from equipoise.runner.estimate import OVERALL
from equipoise.runner.trial_contrasts import Pair, pairs_of, risks_at
from equipoise.runner.trial_methods import (
    CRUDE,
    WORDS,
    Fitted,
    TrialData,
    bootstrap_of,
    clones,
    fit_method,
    followed,
    sequential,
    trial_data,
)
from equipoise.runner.trial_protocol import read_trial
from equipoise.spec.target_trial import EVERY, interval_end
from equipoise.spec.trial_estimation import CLONES, DOUBLY_ROBUST, G_FORMULA, SEQUENTIAL

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
WITH_WEIGHTS = {CLONES: clones, SEQUENTIAL: sequential}


def replicates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Risks of a batch of bootstrap replicates, float64 (b, A, K), replicates without an answer left out."""
    data = trial_data(inputs["panel"], read_trial(subset))
    fit = fit_method(data, subset["method"], subset["seed"], subset["conf_level"])
    if isinstance(fit, Reason | DoublyRobust) or fit.risks().reason is not None:
        return Artifact({"draws": np.empty((0, 0, 0))}, {})
    times = fit.risks().times
    made = bootstrap_of(fit, times.tolist(), subset["first"], subset["last"], subset["seed"])
    draws = made.risks.draws
    assert draws is not None  # a bootstrap has draws
    return Artifact({"draws": draws}, {})


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of estimates and trial_curves of one method; an estimate that cannot be given has a reason."""
    data = trial_data(inputs["panel"], read_trial(subset))
    made = _Method(data, subset)
    fit = fit_method(data, subset["method"], subset["seed"], subset["conf_level"])
    layers: list[tuple[str, TrialRisks | Reason, str]] = []
    if made.first and subset["method"] in WITH_WEIGHTS:
        crude: TrialRisks | Reason = fit if isinstance(fit, Reason) else made.crude().risks()
        layers.append((CRUDE, crude, "pooled logistic regression of those who keep to their strategy"))
    answer = fit if isinstance(fit, Reason) else _with_draws(fit.risks(), inputs)
    if subset["method"] in (G_FORMULA, CLONES) and not isinstance(answer, Reason):
        answer = _where_followed(answer, followed(data, subset["conf_level"]))
    layers.append((WORDS[subset["method"]], answer, model_words(subset["method"])))
    found: dict[str, list[Row]] = {"estimates": [], "trial_curves": []}
    for label, given, words in layers:
        found["estimates"] += made.risk_rows(label, given, words)
        found["trial_curves"] += made.curve_rows(label, given)
    if data.protocol.design.estimation.hazard_ratios and subset["method"] in WITH_WEIGHTS:
        found["estimates"] += made.hazard_rows(fit)
    return Artifact({}, found)


def model_words(method: str) -> str:
    """The model of a method in words, without commas that tables could trip over."""
    return {
        CLONES: "marginal structural model, pooled logistic regression of weighted clones",
        SEQUENTIAL: "marginal structural model, pooled logistic regression of sequential trials",
    }.get(method, "parametric g-formula" if method == "g_formula" else "sequential regression with weights")


def _with_draws(risks: TrialRisks, inputs: Inputs) -> TrialRisks:
    """The risks with the draws of all batches; those of another shape had no answer."""
    parts = [inputs[name]["draws"] for name in sorted(inputs) if name.startswith("draws ")]
    parts = [part for part in parts if part.shape[1:] == risks.risk.shape and len(part)]
    if risks.reason is not None or not parts:
        return risks
    draws = np.concatenate(parts)
    if len(draws) < 2:
        return risks
    away = draws - draws.mean(axis=0)
    covariance = np.einsum("rat,rbt->abt", away, away) / (len(draws) - 1)
    return replace(risks, draws=draws, covariance=covariance, variance=f"bootstrap, {len(draws):,} replicates")


def _where_followed(risks: TrialRisks, rows: np.ndarray) -> TrialRisks:
    """Risks at times up to which somebody keeps to the strategy: beyond them models have nothing to go by."""
    absent = np.isfinite(risks.risk)
    known = min(rows.shape[1], absent.shape[1])
    absent[:, :known] &= rows[:, :known] == 0.0
    draws = None if risks.draws is None else np.where(absent, np.nan, risks.draws)
    return replace(risks, risk=np.where(absent, np.nan, risks.risk), draws=draws)


class _Method:
    """One method of one analysis with what is asked of it."""

    def __init__(self, data: TrialData, subset: Mapping[str, Any]):
        self.data, self.subset = data, subset
        self.design, self.labels = data.protocol.design, data.protocol.strategy_labels
        self.method: str = subset["method"]
        self.names = [strategy.name for strategy in self.design.strategies]
        self.pairs = pairs_of(self.names)

    @property
    def first(self) -> bool:
        """Whether this is the first method with weights, beside which crude risks stand."""
        with_weights = [name for name in self.design.estimation.methods if name in WITH_WEIGHTS]
        return with_weights[:1] == [self.method]

    @property
    def absent(self) -> Reason:
        """Why a risk that the method does not give is absent."""
        return Reason.NOT_IDENTIFIED if self.method in (DOUBLY_ROBUST, G_FORMULA) else Reason.BEYOND_FOLLOW_UP

    def crude(self) -> TrialFit:
        return WITH_WEIGHTS[self.method](self.data, self.subset["conf_level"], weighted=False, adjusted=False)

    def arms(self) -> list[str]:
        """Strategies in the order in which the estimator has them."""
        return [strategy.name for strategy in self.data.present]

    def risk_rows(self, label: str, found: TrialRisks | Reason, words: str) -> Iterator[Row]:
        for point in self.design.time_points:
            risks = found if isinstance(found, Reason) else risks_at(found, self.arms(), point - 1, self.absent)
            for name in self.names:
                row = self._row(label, EVERY, name, point, "risk", words, f"risk: {self.labels[name]}")
                yield row | {"reference_level": None} | _answer(risks, lambda at, name=name: at.risk(name))
            for pair in self.pairs:
                row = self._row(label, pair.reference, pair.target, point, "risk_difference", words, "risk difference")
                yield row | _answer(risks, lambda at, pair=pair: at.difference(pair))
                row = self._row(label, pair.reference, pair.target, point, "risk_ratio", words, "risk ratio")
                yield row | _answer(risks, lambda at, pair=pair: at.ratio(pair))

    def curve_rows(self, label: str, found: TrialRisks | Reason) -> Iterator[Row]:
        if isinstance(found, Reason) or found.reason is not None:
            return
        for k in found.times.tolist():
            at = risks_at(found, self.arms(), k, self.absent)
            assert not isinstance(at, Reason)
            for name in self.arms():
                row = at.risk(name)
                yield {
                    "analysis": self.subset["id"], "method": label, "strategy": name,
                    "time_days": interval_end(self.design.interval, k + 1), "risk": row["estimate"],
                    "conf_low": row["conf_low"], "conf_high": row["conf_high"],
                }  # fmt: skip

    def hazard_rows(self, fit: Fitted | Reason) -> Iterator[Row]:
        """Hazard ratios averaged over follow-up, from a Cox model of the same rows and weights."""
        cox = fit if isinstance(fit, Reason) else \
            WITH_WEIGHTS[self.method](self.data, self.subset["conf_level"], cox=True)  # fmt: skip
        words = "marginal structural model, Cox regression"
        for pair in self.pairs:
            label = WORDS[self.method]
            row = self._row(label, pair.reference, pair.target, None, "hazard_ratio", words, "hazard ratio")
            yield row | ({"reason": cox} if isinstance(cox, Reason) else self._hazard_ratio(cox, pair))

    def _hazard_ratio(self, cox: TrialFit, pair: Pair) -> Row:
        if pair.target not in self.arms() or pair.reference not in self.arms():
            return {"reason": Reason.ONE_ARM_EMPTY}
        contrast = np.zeros(len(cox.terms))
        for name, sign in ((pair.target, 1.0), (pair.reference, -1.0)):
            at = self.arms().index(name)
            if at == 0:
                continue
            term = cox.assembly.outcome.columns.exposure_names[at - 1]
            place = cox.terms.index(term)
            if cox.reasons[place] is not None:
                return {"reason": cox.reasons[place]}
            contrast[place] = sign
        used = contrast != 0.0
        value = float(contrast[used] @ cox.coefficients[used])
        error = float(np.sqrt(contrast[used] @ cox.covariance[np.ix_(used, used)] @ contrast[used]))
        if not (np.isfinite(value) and np.isfinite(error) and error > 0.0):
            return {"reason": Reason.NOT_CONVERGED}
        z = normal_quantile(0.5 + self.subset["conf_level"] / 2.0)
        limits = {"conf_low": exp(value - z * error), "conf_high": exp(value + z * error)}
        p = two_sided_p(value / error)
        return {
            "estimate": exp(value),
            "log_estimate": value,
            "std_error": error,
            "p_value": p,
            "reason": None,
        } | limits

    def _row(
        self, label: str, reference: str, target: str, point: int | None, measure: str, words: str, term: str
    ) -> Row:  # fmt: skip
        days = None if point is None else interval_end(self.design.interval, point)
        against = "" if reference == EVERY else f" against {self.labels[reference]}"
        return {
            "analysis": self.subset["id"],
            "comparison": reference,
            "exposure": target,
            "window": None,
            "reading": None,
            "subgroup": OVERALL,
            "subgroup_level": OVERALL,
            "outcome": self.subset["outcome"],
            "time_point_days": days,
            "adjustment": label,
            "contrast": f"{self.labels[target]}{against}",
            "model": words,
            "term": term,
            "measure": measure,
            "target_level": self.labels[target],
            "reference_level": self.labels.get(reference),
        }


def _answer(risks: Any, ask: Any) -> Row:
    if isinstance(risks, Reason):
        return {"reason": risks}
    made: Row = ask(risks)
    if made.get("estimate") is not None and made.get("ratio"):
        made["log_estimate"] = log(made["estimate"])
    made.pop("ratio", None)
    return made
