"""`equipoise report`."""

from argparse import Namespace

from equipoise.cli.output import say
from equipoise.report.write import write_report


def execute(arguments: Namespace) -> int:
    page = arguments.results / "report.html"
    write_report(arguments.results, page)
    say(f"report: {page}")
    return 0
