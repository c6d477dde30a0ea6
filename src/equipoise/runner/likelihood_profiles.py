"""Profiles of the partial likelihood of a hazard ratio, to be pooled with those of other sites."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from equipoise.runner.adjusted_arms import AdjustedArms, Fitted
from equipoise.runner.arm_rows import Asked, counts, no_events
from equipoise.runner.estimate import Part
from equipoise.runner.layers import WEIGHTED, Layer

Row = dict[str, Any]


def profile_rows(asked: Asked, part: Part, crude: Layer, made: AdjustedArms | None) -> Iterator[Row]:
    """Rows of the table likelihood_profiles: of the crude and the adjusted model, where the study asks for them.

    Log-likelihoods are given less their maximum. Weighted models have no likelihood; imputed ones none of their own, so
    that the complete cases' is given under their name.
    """
    grid = asked.estimator.likelihood_profile
    if grid is None:
        return
    named: list[tuple[str, Layer]] = [(crude.label, crude)]
    if made is not None:
        beside: Fitted = made.beside or made.main[0]
        suffix = ", complete cases" if made.beside is not None else ""
        named.append((f"{beside.layer.label}{suffix}", beside.layer))
    for label, layer in named:
        if layer.label != WEIGHTED and layer.reason is None and no_events(layer.rows) is None:
            ratios = np.linspace(np.log(grid.lowest), np.log(grid.highest), grid.points)
            yield from _profile(asked, part, label, layer, ratios)


def _profile(asked: Asked, part: Part, label: str, layer: Layer, log_ratios: np.ndarray) -> Iterator[Row]:
    fit = layer.cox()
    values = fit.profile_at(asked.setting.arm, log_ratios)
    if values is None:
        return
    reference, target = asked.protocol.arm_labels
    shared = asked.protocol.key(asked.subset["id"]) | {
        "outcome": asked.subset["outcome"],
        "subgroup": part.subgroup,
        "subgroup_level": part.level,
        "adjustment": label,
        "target_level": target,
        "reference_level": reference,
        **counts(layer.rows),
    }
    for position, (ratio, value) in enumerate(zip(log_ratios, values, strict=True), start=1):
        yield shared | {"position": position, "log_ratio": float(ratio), "log_likelihood": float(value)}
