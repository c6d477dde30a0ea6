"""Treatment strategies with a grace period, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.trial_panel import Panel
from equipoise.kernels.trial_clones import Rules

MOST_GRACE = 2**30


@dataclass(frozen=True, slots=True)
class Strategy:
    """What somebody would do from time zero on.

    treatment  the level that is asked for; the panel's first level is the reference, "no treatment"
    grace      the last interval, counted from 0 at time zero or at the trigger, in which treatment may still start (or,
               for the reference, up to which it must not); None for the one that the analysis gives to all strategies
    sustained  whether it is kept afterwards; else anything may follow
    when       a column, true in the intervals whose conditions call for treatment: until the first of them treatment
               has to be the reference (a dynamic strategy)
    """

    treatment: Any
    grace: int | None = None
    sustained: bool = True
    when: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Strategies:
    """Named strategies of a panel, the reference strategy first, as the kernel reads them."""

    names: tuple[str, ...]
    rules: Rules
    triggers: np.ndarray


def read_strategies(panel: Panel, given: Any, grace: int, horizon: int) -> Strategies:
    """Strategies by name. DesignError where they are the same, or nobody could follow them in this panel."""
    if not isinstance(given, Mapping) or len(given) < 2:
        raise DesignError(Fault("strategies", "not two or more by name", "such as {'never': 0, 'start': 1}"))
    asked = {str(name): s if isinstance(s, Strategy) else Strategy(s) for name, s in given.items()}
    longest = min(int(np.diff(panel.first).max()), horizon)
    columns = sorted({s.when for s in asked.values() if s.when is not None})
    values, graces = [], []
    for name, strategy in asked.items():
        values.append(_level(panel, name, strategy))
        graces.append(_grace(name, grace if strategy.grace is None else strategy.grace, longest))
    rules = Rules(
        np.array(values, np.int64),
        np.array(graces, np.int64),
        np.array([bool(s.sustained) for s in asked.values()]),
        np.array([-1 if s.when is None else columns.index(s.when) for s in asked.values()], np.int64),
    )
    _refuse_same(tuple(asked), rules)
    flags = [panel.sorted(panel.source.indicator(column, "when")).astype(np.uint8) for column in columns]
    triggers = np.stack(flags) if flags else np.empty((0, len(panel)), np.uint8)
    return Strategies(tuple(asked), rules, triggers)


def _level(panel: Panel, name: str, strategy: Strategy) -> int:
    wanted = strategy.treatment
    word = str(int(wanted)) if isinstance(wanted, int | float | np.number) else str(wanted)
    if word not in panel.levels:
        fault = Fault(f"strategy {name!r}", f"treatment {word!r}, which nobody has", ", ".join(panel.levels))
        raise DesignError(fault)
    level = panel.levels.index(word)
    if level == 0 and strategy.when is not None:
        raise DesignError(Fault(f"strategy {name!r}", "no treatment with a condition", "a condition for treatment"))
    return level


def _grace(name: str, grace: Any, longest: int) -> int:
    if isinstance(grace, bool) or not isinstance(grace, int | np.integer) or not 0 <= grace < MOST_GRACE:
        raise DesignError(Fault(f"grace of {name!r}", repr(grace), "a whole number of intervals, 0 or more"))
    if grace >= longest:
        found = f"interval {grace}, where the longest follow-up has {longest} intervals"
        raise DesignError(Fault(f"grace of {name!r}", found, f"0 to {longest - 1}"))
    return int(grace)


def _refuse_same(names: tuple[str, ...], rules: Rules) -> None:
    seen: dict[tuple, str] = {}
    for k, name in enumerate(names):
        key = tuple(column[k].item() for column in rules)
        if key in seen:
            raise DesignError(Fault(f"strategies {seen[key]!r} and {name!r}", "the same", "strategies that differ"))
        seen[key] = name
