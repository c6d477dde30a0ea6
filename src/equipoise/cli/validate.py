"""`equipoise validate`."""

from argparse import Namespace
from importlib import import_module

from equipoise.cli.output import say
from equipoise.cli.study import named_study
from equipoise.lint.findings import Finding
from equipoise.lint.study import lint_study
from equipoise.spec.canonical import study_hash
from equipoise.spec.study import Study


def execute(arguments: Namespace) -> int:
    study = named_study(arguments.study)
    say(_summary(study))
    for finding in lint_study(study):
        say(f"\n{_lines(finding)}")
    # Without a database none of the modules that read one is loaded.
    return import_module("equipoise.cli.validate_data").execute(study, arguments) if arguments.data else 0


def _summary(study: Study) -> str:
    main, more = len(study.analyses), len(study.sensitivity)
    analyses = f"{main} {'analysis' if main == 1 else 'analyses'}"
    sensitivity = f" and {more} sensitivity {'analysis' if more == 1 else 'analyses'}" if more else ""
    return f"{study.id}: a valid study with {analyses}{sensitivity}\n  {study.title}\n  hash {study_hash(study)}"


def _lines(finding: Finding) -> str:
    return "\n".join(
        [
            f"warning {finding.code}: {finding.where}",
            f"  {finding.says}",
            f"  why    {finding.why}",
            f"  to do  {finding.remedy}",
        ]
    )
