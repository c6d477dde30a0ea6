"""What `run` and `demo` share: the run itself, the report, and the summary on standard output."""

import os
import sys
from argparse import Namespace
from importlib import import_module
from typing import Any

from equipoise.cli.output import say, warn
from equipoise.cli.progress import PlainProgress
from equipoise.cli.summary import absences, failures, summary
from equipoise.report.write import write_report
from equipoise.runner.progress import Progress
from equipoise.runner.study import run
from equipoise.spec.study import Study

SOME_FAILED = 14


def carry_out(study: Study, source: Any, arguments: Namespace) -> int:
    """Run a study, write tables and report into `arguments.to`, and say what came of it."""
    results = run(
        study,
        source,
        to=arguments.to,
        seed=arguments.seed,
        min_cell_count=arguments.min_cell_count,
        store=arguments.store,
        progress=progress(),
        unseal=getattr(arguments, "unseal", None),
    )
    page = arguments.to / "report.html"
    write_report(results, page)
    say(summary(results, page))
    if missing := absences(results):
        warn(missing)
    if failed := failures(results):
        warn(failed)
    return SOME_FAILED if failed else 0


def progress() -> Progress:
    """A live display on a terminal that can redraw a line, else plain lines."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return import_module("equipoise.cli.live").LiveProgress()
    return PlainProgress()
