"""`TrialFit`: a marginal structural model of emulated trials, with what was expanded, the weights and the risks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import narwhals as nw
import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.fit import Fit
from equipoise.estimators.trial_assembly import Assembly
from equipoise.estimators.trial_bootstrap import TrialBootstrap, bootstrap
from equipoise.estimators.trial_columns import ModelTerms
from equipoise.estimators.trial_cox import cox_parts
from equipoise.estimators.trial_estimation import Estimated, clusters, covariance_of, estimate
from equipoise.estimators.trial_risks import TrialRisks, read_times, risks_of
from equipoise.estimators.trial_weighting import WeightModel

ROBUST = "cluster-robust (persons)"
Progress = Callable[[int, int], None]


class Plan(Protocol):
    """How trials are made from a panel, weights included."""

    @property
    def persons(self) -> int: ...

    @property
    def words(self) -> str: ...

    @property
    def model(self) -> ModelTerms: ...

    def assemble(self, times: np.ndarray) -> Assembly: ...

    def positivity(self) -> dict[str, list]: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class TrialFit(Fit):
    """A pooled logistic marginal structural model of emulated trials: a `Fit` that also gives risks.

    trials         how many trials, of all persons together; `rows` are those of the expansion, which is not kept
    weight_models  models of treatment and censoring, in the order in which they enter
    competing_fit  the coefficients of the competing event's model, None where there is none
    """

    trials: int
    weight_models: tuple[WeightModel, ...]
    competing_fit: Fit | None
    assembly: Assembly
    models: tuple[Estimated, ...]
    plan: Plan

    def risks(self, times: Sequence[int] | None = None) -> TrialRisks:
        """Risks of each arm, standardized over the covariates with which people enter the trials.

        times  follow-up times from 0 (the end of the first interval) on; all where none are named
        """
        wanted = self._times(times)
        return risks_of(list(self.models), self.assembly.standard, wanted, self.conf_level)

    def bootstrap(
        self, replicates: int, *, seed: int, times: Sequence[int] | None = None, progress: Progress | None = None,
        first: int = 0,
    ) -> TrialBootstrap:  # fmt: skip
        """Persons drawn anew with all their trials; the weights' models and the outcome's are fitted to each draw.

        Draws are Philox numbers of the seed, the replicate and the place of the draw alone. `progress` is called with
        replicates done and asked for. Replicates without an answer are counted and left out. `first` is the number of
        the first replicate, so that one bootstrap can be done in parts.
        """
        wanted = self._times(times)
        return bootstrap(self._replicate(wanted), self.risks(wanted), self.terms, self.plan.persons, replicates, seed,
                         progress, first)  # fmt: skip

    def weight_summary(self) -> Any:
        """One row an arm and follow-up time: rows, events, the weights' mean, range and effective sample size.

        The effective sample size is (sum of weights)^2 / sum of squared weights.
        """
        found, arms = self.assembly.outcome.found, self.assembly.standard.arms
        at = [(a, k) for a in range(len(arms)) for k in range(found.rows.shape[1]) if found.rows[a, k] > 0.0]
        a, k = (np.array(index, np.int64) for index in (zip(*at, strict=True) if at else ((), ())))
        weight, rows = found.weight[a, k], found.rows[a, k]
        squared = found.weight_squared[a, k]
        return self._table(
            {
                "arm": [arms[i] for i in a],
                "time": k.tolist(),
                "rows": rows.astype(np.int64).tolist(),
                "events": found.events[a, k].astype(np.int64).tolist(),
                "mean": (weight / rows).tolist(),
                "minimum": found.smallest[a, k].tolist(),
                "maximum": found.largest[a, k].tolist(),
                "effective_size": np.divide(weight**2, squared, out=np.zeros(len(a)), where=squared > 0.0).tolist(),
            }
        )

    def positivity(self) -> Any:
        """One row a period and treatment before: rows, how many of them change, and whether treatment can vary.

        `violated` where there are rows and all of them do the same, so that nothing is known of the other treatment.
        """
        return self._table(self.plan.positivity())

    def _times(self, times: Sequence[int] | None) -> np.ndarray:
        if not self.models:
            raise UnsupportedError(Fault("risks", f"not offered for {self.model}", "pooled logistic regression"))
        return read_times(times, self.assembly.outcome.columns.horizon)

    def _replicate(self, times: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, TrialRisks]]:
        def again(counts: np.ndarray) -> tuple[np.ndarray, TrialRisks]:
            assembly = self.plan.assemble(counts)
            models = _models(assembly)
            inside = times[times < assembly.outcome.columns.horizon]
            return models[0].coefficients(), risks_of(models, assembly.standard, inside, self.conf_level)

        return again

    def _table(self, columns: dict[str, list]) -> Any:
        return nw.from_dict(columns, backend=self.frame_kind).to_native()


def fit_of(plan: Plan, conf_level: float, frame_kind: str, undefined: Reason | None = None) -> TrialFit:
    """The fit of a plan in which every person counts once; what is not defined answers with its reason alone."""
    assembly = plan.assemble(np.ones(plan.persons))
    own = {
        "trials": len(assembly.outcome.trials.start),
        "weight_models": assembly.weight_models,
        "assembly": assembly,
        "plan": plan,
    }
    if plan.model.cox and undefined is None:
        parts = cox_parts(assembly.outcome, plan.words, conf_level, frame_kind)
        return TrialFit(**parts, **own, competing_fit=None, models=())
    models = _models(assembly) if undefined is None else [Estimated(assembly.outcome, None, None, undefined)]
    others = [_fit(Fit, model, f"{plan.words}, competing event", conf_level, frame_kind, {}) for model in models[1:]]
    own |= {"competing_fit": others[0] if others else None, "models": tuple(models)}
    return _fit(TrialFit, models[0], plan.words, conf_level, frame_kind, own)


def _models(assembly: Assembly) -> list[Estimated]:
    return [estimate(given) for given in (assembly.outcome, assembly.competing) if given is not None]


def _fit(kind: type, model: Estimated, words: str, conf_level: float, frame_kind: str, own: dict[str, Any]) -> Any:
    solution, found = model.solution, model.expanded.found
    aliases = {} if solution is None else solution.identified.aliases
    log_likelihoods = (0.0, 0.0) if solution is None else (solution.log_likelihood, solution.null.log_likelihood)
    reasons: tuple[Reason | None, ...] = model.reasons
    return kind(
        model=words,
        measure="log odds ratio",
        direction="of the outcome in an interval: an arm against the reference, a number one unit more",
        terms=model.terms,
        coefficients=np.where([reason is not None for reason in reasons], np.nan, model.coefficients()),
        covariance=covariance_of(model),
        reasons=reasons,
        aliases={model.terms[j]: tuple(model.terms[k] for k in ks) for j, ks in aliases.items()},
        log_likelihood=log_likelihoods[0],
        log_likelihood_null=log_likelihoods[1],
        rank=0 if solution is None else len(solution.identified.kept),
        intercept=True,
        rows=int(found.rows.sum()),
        events=int(found.events.sum()),
        persons=clusters(model.expanded),
        convergence=model.convergence,
        conf_level=conf_level,
        variance=ROBUST,
        frame_kind=frame_kind,
        **own,
    )
