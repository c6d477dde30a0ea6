"""The panel of a target trial by hand: `assemble_panel`."""

from pathlib import Path

import numpy as np

from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault
from equipoise.runner.progress import Silent
from equipoise.runner.steps import study_steps
from equipoise.runner.store import MemoryShelf, Store
from equipoise.runner.trial_methods import trial_data
from equipoise.runner.trial_protocol import read_trial
from equipoise.runner.trial_steps import panel_name
from equipoise.runner.walk import Walk
from equipoise.spec.study import Study

MAKING = ("trial_description", "trial_bootstrap", "trial_estimates", "quality")  # what is made from a panel, or beside


def assemble_panel(
    study: Study, source: Source, *, analysis: str, store: str | Path | None = None
) -> dict[str, np.ndarray]:
    """The panel of a target trial as columns by name, in memory; intermediates are kept only if `store` names a place.

    One row a person and interval: person (codes), period, treatment (0 none, 1 and on the exposures of the strategies
    in their order), eligible, outcome, censored, competing, the covariates, and functions of the interval. The
    estimators of trials take it as it is; a study from entry gives them `order="events_first"`. Raises `DesignError`
    for an analysis that is not a target trial.

    >>> panel = assemble_panel(read_study("study.toml"), connect("data/"), analysis="trial")  # doctest: +SKIP
    """
    known = [item.id for item in study.every_analysis() if item.target_trial is not None]
    if analysis not in known:
        found = "not a target trial of the study"
        raise DesignError(Fault(f"analysis {analysis!r}", found, ", ".join(known) or "none in this study"))
    steps = [step for step in study_steps(study, study.seed, analysis) if step.kind not in MAKING]
    walk = Walk(source, MemoryShelf() if store is None else Store(store), Silent())
    walk.run(steps)
    (made,) = (step for step in steps if step.name == panel_name(analysis))
    return dict(trial_data(walk.artifact(made.name), read_trial(made.subset)).columns)
