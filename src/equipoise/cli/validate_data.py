"""`equipoise validate --data`: what a database has for the study."""

from argparse import Namespace

from equipoise.cli.database import named_database
from equipoise.cli.output import say
from equipoise.runner.data_check import check_data
from equipoise.spec.study import Study


def execute(study: Study, arguments: Namespace) -> int:
    with named_database(arguments) as source:
        warnings = check_data(study, source)
    for warning in warnings:
        say(f"\nwarning {warning.problem.lower().replace('_', '-')}: {warning}")
    say("\ndata: every concept set can be looked up, and those of an exposure share no record")
    return 0
