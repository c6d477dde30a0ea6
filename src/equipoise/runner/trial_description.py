"""The step that describes a target trial: protocol and emulation, follow-up by strategy, weights, positivity."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from equipoise.data.source import Source
from equipoise.errors import Reason
from equipoise.estimators.trial_clones import ClonePlan
from equipoise.estimators.trial_fit import TrialFit
from equipoise.estimators.trial_panel import DIRECT, outcome_of
from equipoise.estimators.trial_sequential import SequentialPlan
from equipoise.kernels.trial_rows import Trials
from equipoise.runner.artifact import Artifact
from equipoise.runner.describe_arms import interval_ends
from equipoise.runner.trial_gate import gate_rows
from equipoise.runner.trial_methods import TrialData, clones, sequential, trial_data, why_not
from equipoise.runner.trial_protocol import read_trial
from equipoise.runner.trial_words import protocol_rows
from equipoise.spec.target_trial import interval_end
from equipoise.spec.trial_estimation import CLONES, SEQUENTIAL

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
EVENT, COMPETING, DEVIATED, LOST, COMPLETED = "n_events", "n_competing", "n_deviated", "n_lost", "n_completed"
ENDINGS = (EVENT, COMPETING, DEVIATED, LOST, COMPLETED)


def description(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of trial_protocol, trial_strategies, trial_follow_up, trial_positivity and, with a gate, diagnostics."""
    data = trial_data(inputs["panel"], read_trial(subset))
    made: dict[str, list[Row]] = {
        "trial_protocol": list(protocol_rows(data, subset)),
        "trial_strategies": list(_empty(data)),
        "trial_follow_up": [],
        "trial_positivity": [],
    }
    if why_not(data) in (None, Reason.NOT_DEFINED):
        fit = _fit(data, subset["conf_level"])
        followed = {name: _Arm(data, fit, k) for k, name in enumerate(s.name for s in data.present)}
        made["trial_strategies"] = [_strategy_row(data, name, followed.get(name)) for name in data.strategies_asked]
        weights = _weights_by_time(fit) if why_not(data) is None else {}
        for name, arm in followed.items():
            made["trial_follow_up"] += [{"strategy": name} | row for row in _times(data, name, arm, weights)]
        made["trial_positivity"] = list(_positivity(data, fit))
    if "gate" in subset:
        made["diagnostics"] = list(gate_rows(data, subset["gate"], subset["conf_level"]))
    return Artifact({}, {name: [{"analysis": subset["id"]} | row for row in rows] for name, rows in made.items()})


def _fit(data: TrialData, conf_level: float) -> TrialFit:
    """The fit of the first method with weights; without any, clones as they are."""
    asked = data.protocol.design.estimation.methods
    if SEQUENTIAL in asked:
        return sequential(data, conf_level)
    return clones(data, conf_level, weighted=CLONES in asked, adjusted=False)


class _Arm:
    """The trials of one strategy: intervals followed, and how each ended."""

    def __init__(self, data: TrialData, fit: TrialFit, arm: int):
        plan, horizon = fit.plan, data.protocol.design.follow_up
        assert isinstance(plan, ClonePlan | SequentialPlan)
        own = fit.assembly.outcome.trials
        mine = own.arm == (arm if isinstance(plan, ClonePlan) else data.level(data.present[arm]))
        panel = plan.panel
        self.length, start = own.length[mine].astype(np.int64), own.start[mine]
        every = _trials(plan, panel.last + 1)
        stayed = every.length[mine] > self.length
        y, _ = outcome_of(panel, DIRECT if plan.effect == "total" else plan.effect)
        last = np.maximum(start + self.length - 1, 0)
        there = start + self.length <= panel.last[own.person[mine]]
        at = np.minimum(start + self.length, len(panel) - 1)
        competing = panel.competing[at] != 0 if len(panel.competing) else np.zeros(len(at), dtype=bool)
        event = (self.length > 0) & (y[last] != 0)
        ending = np.full(len(start), ENDINGS.index(COMPLETED))
        goes_on = there & ~event & (self.length < horizon)
        ending[goes_on] = ENDINGS.index(DEVIATED)
        ending[goes_on & stayed] = ENDINGS.index(LOST)
        ending[goes_on & stayed & competing] = ENDINGS.index(COMPETING)
        ending[event] = ENDINGS.index(EVENT)
        self.ending, self.late = ending, isinstance(plan, ClonePlan) and plan.events_first

    def counts(self) -> Row:
        found = np.bincount(self.ending, minlength=len(ENDINGS))
        return {"n_trials": len(self.ending)} | {name: int(n) for name, n in zip(ENDINGS, found, strict=True)}

    @property
    def last(self) -> np.ndarray:
        """The interval in which each ended, from 1: an event in its own, the others in the one that is not counted.

        Where events come first, the interval of a deviation is counted.
        """
        counted = [ENDINGS.index(name) for name in (EVENT, COMPLETED, *([DEVIATED] if self.late else []))]
        return self.length + ~np.isin(self.ending, counted)


def _trials(plan: Any, end: np.ndarray) -> Trials:
    """All trials as they would be if nobody were lost."""
    if isinstance(plan, ClonePlan):
        return plan.clones(end)[0]
    assert isinstance(plan, SequentialPlan)
    return plan.trials(end)


def _empty(data: TrialData) -> Iterator[Row]:
    for name in data.strategies_asked:
        yield _strategy_row(data, name, None)


def _strategy_row(data: TrialData, name: str, arm: _Arm | None) -> Row:
    """The counts of a strategy; where nobody has its treatment there are none."""
    labelled = {"strategy": name, "label": data.protocol.strategy_labels[name]}
    return labelled | ({} if arm is None else arm.counts())


def _times(data: TrialData, name: str, arm: _Arm, weights: Mapping[tuple[str, int], Row]) -> Iterator[Row]:
    """Numbers at the ends of equal parts of follow-up, with the weights of the last interval of each part."""
    design = data.protocol.design
    ended, event = arm.last, arm.ending == ENDINGS.index(EVENT)
    after, at_risk = 0, len(ended)
    for position, end in enumerate(interval_ends(design.follow_up, int((ended < design.follow_up).sum())), start=1):
        completed = (arm.ending == ENDINGS.index(COMPLETED)) & (end == design.follow_up)
        here = (ended > after) & (ended <= end) & ~completed
        left = int(here.sum())
        row = {"position": position, "time_days": interval_end(design.interval, end), "n_at_risk": at_risk}
        row |= {"n_events": int((here & event).sum()), "n_left": left, "n_remaining": at_risk - left}
        yield row | weights.get((name, end - 1), {})
        after, at_risk = end, at_risk - left


def _weights_by_time(fit: TrialFit) -> dict[tuple[str, int], Row]:
    """Mean, largest weight and effective size by strategy and interval, from 0."""
    frame = fit.weight_summary()
    names = list(fit.assembly.standard.arms)
    if isinstance(fit.plan, SequentialPlan):
        return {}
    assert set(frame["arm"]) <= set(names)
    return {
        (arm, int(time)): {"weight_mean": mean, "weight_maximum": most, "effective_size": size}
        for arm, time, mean, most, size in zip(
            *(list(frame[c]) for c in ("arm", "time", "mean", "maximum", "effective_size")), strict=True
        )
    }


def _positivity(data: TrialData, fit: TrialFit) -> Iterator[Row]:
    """By interval while nobody is treated and whoever starts stays treated; else over all intervals together."""
    frame = {name: list(values) for name, values in fit.plan.positivity().items()}
    rows = list(zip(*(frame[name] for name in ("period", "previous", "rows", "changes")), strict=True))
    names = {str(0): "none"} | {str(k): name for k, name in enumerate(data.protocol.design.exposures, start=1)}
    monotone = data.protocol.design.treatment == "initiation" and data.protocol.design.time_zero == "entry"
    for previous in dict.fromkeys(row[1] for row in rows):
        own = sorted((int(period), int(n), int(changed)) for period, was, n, changed in rows if was == previous)
        if monotone and previous == "0":
            following = [n for _, n, _ in own[1:]] + [0]
            for (period, n, changed), after in zip(own, following, strict=True):
                yield _positivity_row(names[previous], period + 1, n, changed, after)
        else:
            yield _positivity_row(names[previous], 0, sum(n for _, n, _ in own), sum(c for _, _, c in own), 0)


def _positivity_row(previous: str, position: int, n: int, changed: int, after: int) -> Row:
    return {
        "previous": previous,
        "position": position,
        "n_rows": n,
        "n_changes": changed,
        "n_left": n - after,
        "n_remaining": after,
        "percent": 100.0 * changed / n if n else None,
        "violated": "yes" if changed in (0, n) else "no",
    }
