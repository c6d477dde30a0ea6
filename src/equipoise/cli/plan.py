"""`equipoise plan`."""

from argparse import Namespace

from equipoise.cli.database import named_database
from equipoise.cli.output import say, table
from equipoise.cli.study import named_study
from equipoise.runner.planner import PlannedStep, plan


def execute(arguments: Namespace) -> int:
    study = named_study(arguments.study)
    with named_database(arguments) as source:
        steps = plan(study, source, store=arguments.store, seed=arguments.seed, sql=arguments.sql)
    say(table(("step", "rows", "state", "what it does"), map(_row, steps), right=[1]))
    for step in steps:
        for sql in step.sql:
            say(f"\n-- {step.name}\n{sql}")
    return 0


def _row(step: PlannedStep) -> tuple[str, ...]:
    rows = "" if step.rows is None else f"{step.rows:,}"
    return step.name, rows, "cached" if step.cached else "to do", step.detail
