"""`equipoise run`."""

from argparse import Namespace

from equipoise.cli.carry_out import carry_out
from equipoise.cli.database import named_database
from equipoise.cli.output import tell
from equipoise.cli.study import named_study
from equipoise.lint.study import lint_study
from equipoise.spec.flawed import every_flaw


def execute(arguments: Namespace) -> int:
    study = named_study(arguments.study)
    if arguments.with_flaws:
        study = study.model_copy(update={"contrasts": every_flaw(study)})
    if findings := lint_study(study):
        codes = ", ".join(dict.fromkeys(finding.code for finding in findings))
        tell(f"note: the design leaves something open to doubt ({codes}); `equipoise validate` explains")
    with named_database(arguments) as source:
        return carry_out(study, source, arguments)
