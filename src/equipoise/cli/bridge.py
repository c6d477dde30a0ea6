"""`equipoise bridge`."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from math import exp
from typing import Any

from equipoise.cli.carry_out import progress
from equipoise.cli.output import say, table, tell, warn
from equipoise.data.connect import connect
from equipoise.data.source import Source
from equipoise.errors import REASON_TEXT, Reason
from equipoise.knowledge.study_file import read_study
from equipoise.report.write import write_report
from equipoise.results.results import Results
from equipoise.runner.bridge import bridge
from equipoise.simulate.places import data_of_view, truth_beside
from equipoise.spec.study import Study

Row = dict[str, Any]


def execute(arguments: Namespace) -> int:
    named = (arguments.study_a, arguments.study_b)
    studies = [read_study(path) for path, _, _ in named]
    with ExitStack() as opened:
        places = _places(studies, arguments)
        source = opened.enter_context(closing(_source(arguments, places[0])))
        apart = places[1] != places[0]
        source_b = opened.enter_context(closing(_source(arguments, places[1]))) if apart else None
        results = bridge(
            studies[0],
            studies[1],
            source,
            analyses=(named[0][1], named[1][1]),
            targets=(named[0][2], named[1][2]),
            source_b=source_b,
            to=arguments.to,
            order=arguments.order,
            sampled_orders=arguments.orders,
            seed=arguments.seed,
            replicates=arguments.bootstrap,
            truth=arguments.truth or truth_beside(*places),
            min_cell_count=arguments.min_cell_count,
            store=arguments.store,
            progress=progress(),
        )
    page = arguments.to / "report.html"
    write_report(results, page)
    say("\n".join([f"report: {page}", *_lines(results)]))
    if missing := _absent(results):
        warn(missing)
    return 0


def _places(studies: Sequence[Study], arguments: Namespace) -> tuple[str, str]:
    """The database of each study: the one that was named, else the view of the data that it is written for."""
    first, second = (data_of_view(arguments.data, study.data_needs.view) for study in studies)
    if arguments.data_b:
        return arguments.data, arguments.data_b
    views = [study.data_needs.view for study in studies]
    if first == second and views[0] != views[1]:
        tell("note: the studies are written for different records, and the data hold one kind: both run on the same")
    return first, second


def _source(arguments: Namespace, place: str) -> Source:
    return connect(place, snapshot=arguments.snapshot, threads=arguments.threads, memory_limit=arguments.memory_limit)


def _lines(results: Results) -> list[str]:
    steps = [row for row in results.rows("bridge_steps") if row["path_position"] is not None]
    shares = {row["element"]: row for row in results.rows("bridge_contributions")}
    header = ("switched to B", "hazard ratio", "factor on this path", "factor over all orders")
    body = [(row["element"] or "none: study A", *_numbers(row, shares)) for row in steps]
    return ["", table(header, body, right=[1, 2, 3])]


def _numbers(row: Row, shares: Mapping[str, Row]) -> tuple[str, str, str]:
    share = shares[row["element"]]["ratio"] if row["element"] else None
    change = row["change"]
    return (
        row["reason"] or f"{row['estimate']:.2f}",
        "" if change is None else f"{exp(change):.3f}",
        "" if share is None else f"{share:.3f}",
    )


def _absent(results: Results) -> str | None:
    steps = results.rows("bridge_steps")
    lost = [row for row in steps if row["reason"] is not None]
    parts = [f"{len(lost)} of {len(steps)} mixtures have no estimate"] if lost else []
    reason = next((row["reason"] for row in results.rows("bridge_contributions") if row["reason"]), None)
    if reason is not None:
        parts.append(f"there are no contributions ({reason}, {REASON_TEXT[Reason(reason)]})")
    return "; ".join(parts) or None
