"""`equipoise validate --data`: what a database has for the study."""

from argparse import Namespace
from contextlib import closing

from equipoise.cli.output import say
from equipoise.data.connect import connect
from equipoise.runner.data_check import check_data
from equipoise.spec.study import Study


def execute(study: Study, arguments: Namespace) -> int:
    with closing(
        connect(
            arguments.data,
            snapshot=arguments.snapshot,
            threads=arguments.threads,
            memory_limit=arguments.memory_limit,
        )
    ) as source:
        warnings = check_data(study, source)
    for warning in warnings:
        say(f"\nwarning {warning.problem.lower().replace('_', '-')}: {warning}")
    say("\ndata: every concept set can be looked up, and those of an exposure share no record")
    return 0
