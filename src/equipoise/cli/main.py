"""The command `equipoise`: reads the command line, loads the one module that is asked for, returns an exit code."""

from collections.abc import Sequence
from importlib import import_module

from equipoise.cli.arguments import parser
from equipoise.cli.failures import guarded
from equipoise.cli.output import prepare_streams

# The command table: command → "module:function", loaded only when the command runs, so that help stays light.
COMMANDS: dict[str, str] = {
    "run": "equipoise.cli.run:execute",
    "demo": "equipoise.cli.demo:execute",
    "simulate": "equipoise.cli.simulate:execute",
    "calibrate": "equipoise.cli.calibrate:execute",
    "validate": "equipoise.cli.validate:execute",
    "plan": "equipoise.cli.plan:execute",
    "bridge": "equipoise.cli.bridge:execute",
    "report": "equipoise.cli.report:execute",
    "knowledge": "equipoise.cli.knowledge:execute",
    "schema": "equipoise.cli.schema:execute",
    "store": "equipoise.cli.store:execute",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code; wrong usage ends the process with code 2, as argparse does."""
    prepare_streams()
    arguments = parser().parse_args(argv)

    def execute() -> int:
        module, _, function = COMMANDS[arguments.command].partition(":")
        return getattr(import_module(module), function)(arguments)

    return guarded(execute, resumes=arguments.command != "simulate")
