"""What `run` and `demo` share: the run itself, the report, and the summary on standard output."""

import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

from equipoise.cli.output import say
from equipoise.cli.progress import PlainProgress
from equipoise.cli.summary import summary
from equipoise.errors import Fault, OutputError
from equipoise.report.write import write_report
from equipoise.run.progress import Progress
from equipoise.run.runner import run
from equipoise.spec.study import Study


def carry_out(study: Study, source: Any, arguments: Namespace) -> int:
    """Run a study, write tables and report into `arguments.to`, and say what came of it."""
    check_place(arguments.to)
    results = run(
        study,
        source,
        to=arguments.to,
        seed=arguments.seed,
        min_cell_count=arguments.min_cell_count,
        store=arguments.store,
        progress=progress(),
    )
    page = arguments.to / "report.html"
    write_report(results, page)
    say(summary(results, page))
    return 0


def check_place(folder: Path) -> None:
    """Hours of work should not end at a folder that cannot be written. Raises `OutputError`."""
    allowed = "a new folder, an empty one, or one of an earlier run"
    if folder.exists() and not folder.is_dir():
        raise OutputError(Fault(str(folder), "a file", allowed, "name another place with --to"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"cannot be made: {(error.strerror or 'unknown trouble').lower()}"
        raise OutputError(Fault(str(folder), found, allowed, "name another place with --to")) from None


def progress() -> Progress:
    """A live display on a terminal, else plain lines."""
    if sys.stderr.isatty():
        return import_module("equipoise.cli.live").LiveProgress()
    return PlainProgress()
