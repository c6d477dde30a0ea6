"""A bridge between two studies: every mixture of their elements is run, and their difference is shared out.

The two analyses are follow-up designs; the elements in which they differ are switched from A to B one at a time. Every
value is a log hazard ratio of target against reference.
"""

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import exp, factorial
from pathlib import Path
from typing import Any

from equipoise import __version__
from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.knowledge.study_file import with_knowledge
from equipoise.results.results import Results
from equipoise.results.tables import table
from equipoise.results.write import check_destination, write
from equipoise.runner.bridge_intervals import Intervals
from equipoise.runner.bridge_mixtures import Mixtures, Row
from equipoise.runner.bridge_paths import (
    Order,
    Shares,
    draw_orders,
    first_order,
    mixtures_on,
    shares_over_all_orders,
    shares_over_orders,
)
from equipoise.runner.bridge_table import protected, steps_table
from equipoise.runner.bridge_truth import MixtureTruth
from equipoise.runner.code_hash import library_versions
from equipoise.runner.progress import Progress, Silent
from equipoise.runner.store import Store
from equipoise.runner.study import MIN_CELL_COUNT, check_apart
from equipoise.spec.canonical import canonical, study_hash
from equipoise.spec.elements import Comparison, compare
from equipoise.spec.study import Study

MOST_EXACT = 10  # elements up to which every order is counted
SAMPLED_ORDERS = 200


def bridge(
    study_a: Study,
    study_b: Study,
    source: Source,
    *,
    analyses: tuple[str, str],
    targets: tuple[str | None, str | None] = (None, None),
    source_b: Source | None = None,
    to: str | Path,
    order: Sequence[str] = (),
    sampled_orders: int = SAMPLED_ORDERS,
    seed: int | None = None,
    replicates: int = 0,
    truth: Sequence[str | Path] = (),
    min_cell_count: int = MIN_CELL_COUNT,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Walk from study A's answer to study B's, one design element at a time, and write the tables into the folder `to`.

    `analyses` names one follow-up analysis of each study, `targets` the exposure where an analysis has several, and
    `source_b` a database of its own for study B. `order` is the path to show: all elements that differ, each once; left
    out, the first path in the order of `equipoise.spec.elements.ELEMENTS` on which every study has an estimate.

    `bridge_steps` holds every mixture with its log hazard ratio or the reason for its absence; `bridge_contributions`
    what each element contributes, averaged over every order in which all intermediate studies have an estimate
    (Shapley 1953). Above ten elements, `sampled_orders` random orders stand for all, with their Monte Carlo error.

    `replicates` is how often persons are drawn again for intervals of changes and contributions; 0 for none. Every
    mixture's draws are kept in the store, so that an interrupted bootstrap goes on.

    `truth` names the folders that hold the truth of a synthetic nation (`nation/truth`, and `nation/network/truth` for
    the further patients of its network): every estimate then has beside it the true value of what it aims at, and every
    change is split into that of the true value and that of bias.

    Raises `DesignError` for what `compare` refuses and for an order that is not one of the elements that differ,
    `UnsupportedError` for replicates of a study with a `covariate_set`.

    >>> bridge(a, b, connect("data/"), analyses=("main", "main"), to="bridge/")  # doctest: +SKIP
    """
    check_destination(to)
    shelf = Store(store)
    check_apart(Path(to), shelf.place)
    studies = with_knowledge(study_a), with_knowledge(study_b)
    comparison = compare(studies, analyses, targets, other_data=source_b is not None)
    if replicates:
        _check_drawable(comparison)
    chosen_seed = study_a.seed if seed is None else seed
    ask = _Ask(comparison, _order(order, comparison), sampled_orders, chosen_seed, min_cell_count)
    sources = (source, source if source_b is None else source_b)
    known = MixtureTruth(truth) if truth else None
    expected = ask.expected * (2 if replicates else 1)
    with Mixtures(comparison, sources, shelf, chosen_seed, expected, progress or Silent(), known) as mixtures:
        answer = ask.answer(mixtures)
        given = [number for number, row in answer.rows.items() if row["log_estimate"] is not None and replicates]
        drawn = {number: mixtures.replicates(number, replicates) for number in given}
    manifest = {
        "bridge": _described(studies, analyses, ask, answer) | {"truth": bool(truth), "replicates": replicates},
        "sources": [_source(item) for item in ((source,) if source_b is None else sources)],
        "seed": chosen_seed,
        "versions": {"equipoise": __version__, "python": platform.python_version(), **library_versions()},
        "platform": f"{sys.platform} {platform.machine()}",
        "min_cell_count": min_cell_count,
    }
    conf_level = comparison.analyses[0]["conf_level"]
    intervals = Intervals(drawn, list(mixtures_on(answer.path)), partial(ask.shares, orders=answer.orders), conf_level)
    results = Results(answer.tables(ask, intervals), manifest, {"seconds": mixtures.seconds})
    write(results, to)
    return results


@dataclass(frozen=True, slots=True)
class Answer:
    """Protected rows by mixture, the path shown, the shares, and the orders that were sampled."""

    rows: dict[int, Row]
    path: Order
    shares: Shares
    true_shares: Shares
    orders: Sequence[Order]

    def tables(self, ask: "_Ask", intervals: Intervals) -> dict[str, Any]:
        elements = [ask.comparison.differences[i].element for i in self.path]
        rows = intervals.with_changes(self.rows)
        steps = steps_table(rows, list(mixtures_on(self.path)), elements, ask.min_cell_count)
        shares = table("bridge_contributions", self._contributions(ask, intervals))
        return {"bridge_steps": steps, "bridge_contributions": shares}

    def _contributions(self, ask: "_Ask", intervals: Intervals) -> list[Row]:
        return [
            {
                "position": i + 1,
                "element": item.element,
                "in_a": item.in_a,
                "in_b": item.in_b,
                "n_orders": self.shares.n_orders,
                **self._numbers(i, ask.n),
                **intervals.of(i),
            }
            for i, item in enumerate(ask.comparison.differences)
        ]

    def _numbers(self, i: int, n: int) -> Row:
        if not self.shares.of:
            ends = [self.rows[number]["reason"] for number in (0, (1 << n) - 1)]
            return {"reason": next((reason for reason in ends if reason), Reason.NOT_DEFINED)}
        share = self.shares.of[i]
        true = self.true_shares.of[i].mean if self.true_shares.of else None
        return {
            "true_contribution": true,
            "bias_contribution": None if true is None else share.mean - true,
            "contribution": share.mean,
            "ratio": exp(share.mean),
            "least": share.least,
            "most": share.most,
            "monte_carlo_error": share.monte_carlo_error,
            "reason": None,
        }


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked of the mixtures. `order` is empty where the path is not chosen by the user."""

    comparison: Comparison
    order: Order
    sampled_orders: int
    seed: int
    min_cell_count: int

    @property
    def n(self) -> int:
        return len(self.comparison.differences)

    @property
    def is_exact(self) -> bool:
        return self.n <= MOST_EXACT

    @property
    def expected(self) -> int:
        """Mixtures to run, at most."""
        return 1 << self.n if self.is_exact else min(1 << self.n, (self.sampled_orders + 1) * (self.n - 1) + 2)

    def answer(self, mixtures: Mixtures) -> Answer:
        orders = self._explored(mixtures)
        rows = protected(mixtures.rows, self.min_cell_count)
        values = {number: row["log_estimate"] for number, row in rows.items() if row["log_estimate"] is not None}
        true = {number: rows[number]["true_value"] for number in values}
        shares = self.shares(values, orders)
        complete = None not in true.values()
        true_shares = self.shares(true, orders) if complete else Shares(0, ())
        path = self.order or first_order(values.__contains__, self.n) or tuple(range(self.n))
        return Answer(rows, path, shares, true_shares, orders)

    def shares(self, values: Mapping[int, float], orders: Sequence[Order]) -> Shares:
        if self.is_exact:
            return shares_over_all_orders(values, self.n)
        kept = [order for order in orders if all(number in values for number in mixtures_on(order))]
        return shares_over_orders(values.get, kept, self.n)

    def _explored(self, mixtures: Mixtures) -> list[Order]:
        """Run all mixtures, or those of sampled orders and of the path; the orders that were sampled."""

        def is_open(number: int) -> bool:
            return mixtures.row(number).get("log_estimate") is not None

        ends = is_open(0), is_open((1 << self.n) - 1)
        found: list[Order] = []
        if self.is_exact:
            for number in range(1 << self.n):
                mixtures.row(number)
        elif all(ends):
            found = draw_orders(is_open, self.n, self.sampled_orders, self.seed)
        path = self.order or (first_order(is_open, self.n) if all(ends) else None) or tuple(range(self.n))
        for number in mixtures_on(path):
            mixtures.row(number)
        return found


def _order(names: Sequence[str], comparison: Comparison) -> Order:
    """The path that the user asked for, as positions of the differences."""
    known = [item.element for item in comparison.differences]
    if names and sorted(names) != sorted(known):
        found = ", ".join(map(repr, names))
        raise DesignError(Fault("order", found, f"each once, in any order: {', '.join(map(repr, known))}"))
    return tuple(known.index(name) for name in names)


def _check_drawable(comparison: Comparison) -> None:
    """A score from everything recorded is a step of its own, which the bootstrap would have to take again."""
    for side, which in zip(comparison.analyses, "AB", strict=True):
        if side["design"]["adjustment"].get("covariate_set") is not None:
            found = "a bootstrap with a covariate_set, whose score would have to be estimated anew in every draw"
            raise UnsupportedError(Fault(f"study {which}", found, "a bridge without a bootstrap, or named covariates"))


def _described(studies: tuple[Study, Study], analyses: tuple[str, str], ask: _Ask, answer: Answer) -> Row:
    raw = ask.comparison.analyses
    return {
        "studies": [canonical(study) for study in studies],
        "study_hashes": [study_hash(study) for study in studies],
        "analyses": list(analyses),
        "targets": [side["design"]["target"][0] for side in raw],
        "conf_level": raw[0]["conf_level"],
        "order": [ask.comparison.differences[i].element for i in answer.path],
        "order_chosen": bool(ask.order),
        "orders": "all" if ask.is_exact else "sampled",
        "orders_possible": str(factorial(ask.n)),
    }


def _source(source: Source) -> Row:
    return asdict(source.description) | {"fingerprint": source.fingerprint()}
