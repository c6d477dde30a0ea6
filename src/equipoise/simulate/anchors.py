"""What is published of Sweden, of ALS and by the two studies, as values a simulated nation is held against."""

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import TypeAdapter

from equipoise.simulate.parameters import Section, parameter

Status = Literal["firm", "soft", "derived"]


class Anchor(Section):
    """One published figure, how near the nation has to come to it, and which arrow of the model carries it."""

    name: str = parameter(..., "1", "name of the statistic; empty statistics have no counterpart in the nation")
    group: str = parameter(..., "1", "heading it is listed under")
    quantity: str = parameter(..., "1", "what it is, with its unit")
    target: float = parameter(..., "see quantity", "published value, or the middle of a published range")
    tolerance: float = parameter(..., "scale", "how far the simulated mean may be away, on the scale", gt=0)
    scale: Literal["linear", "log"] = parameter("linear", "1", "scale of distance, mean and Monte Carlo error")
    status: Status = parameter(..., "1", "firm: seen in two independent places; soft: in one; derived: arithmetic")
    required: bool = parameter(False, "1", "whether the nation must meet it")
    source: str = parameter(..., "1", "where it was published")
    reason: str = parameter("", "1", "what the tolerance is, or why there is no counterpart")
    arrow: str = parameter(..., "1", "switch, effect or parameters of the model that carry it")

    def on_scale(self, value: float) -> float:
        """The value as distances are measured."""
        if self.scale == "linear":
            return value
        return math.log(value) if value > 0 else math.nan


@cache
def anchors() -> tuple[Anchor, ...]:
    """Every anchor, in the order of their groups.

    >>> next(anchor.target for anchor in anchors() if anchor.name == "survival from onset")
    33.7
    """
    text = resources.files("equipoise.simulate").joinpath("anchors.toml").read_text(encoding="utf-8")
    return tuple(TypeAdapter(list[Anchor]).validate_python(tomllib.loads(text)["anchor"]))


@cache
def absent() -> tuple[tuple[str, str], ...]:
    """Published figures that the nation has no counterpart of, and why."""
    text = resources.files("equipoise.simulate").joinpath("anchors.toml").read_text(encoding="utf-8")
    return tuple((each["quantity"], each["reason"]) for each in tomllib.loads(text)["absent"])
