"""What can be written on the command line. Nothing here loads a database, a model or an array library."""

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from equipoise import __version__

LARGEST_SEED = 2**63 - 1
EXIT_CODES = """exit codes:
  0    done (a study without cases, controls or exposed persons is an answer, too)
  2    wrong usage of the command line
  10   the study file has faults
  11   the data or the results folder cannot be used
  12   the study cannot be carried out as written
  13   a combination that is not offered
  70   a defect of Equipoise
  130  interrupted; the next run resumes

environment:
  EQUIPOISE_STORE    default of --store
  EQUIPOISE_DEBUG=1  tells where a defect occurred
  NO_COLOR           no colours"""


def parser() -> ArgumentParser:
    """The whole command line."""
    top = ArgumentParser(
        "equipoise",
        description="Pharmacoepidemiology from a written study and an OMOP database to a finished report.",
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"equipoise {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")

    def command(name: str, summary: str) -> ArgumentParser:
        described = f"{summary[0].upper()}{summary[1:]}."
        return commands.add_parser(name, help=summary, description=described, allow_abbrev=False)

    _run(command("run", "carry out a study on a database and write tables and a report"))
    _demo(command("demo", "carry out a complete study on a small simulated database"))
    _study(command("validate", "name every fault of a study file, then what its design leaves open to doubt"))
    _plan(command("plan", "show the steps a run would take, without taking them"))
    _report(command("report", "write report.html anew from a results folder"))
    command("schema", "print the JSON Schema of study files")
    _store(command("store", "show or clear the private store of intermediates"))
    return top


def _run(of: ArgumentParser) -> None:
    _study(of)
    _data(of)
    _outcome(of)


def _demo(of: ArgumentParser) -> None:
    _outcome(of)
    _engine(of)


def _plan(of: ArgumentParser) -> None:
    _study(of)
    _data(of)
    _place(of)
    _seed(of)
    of.add_argument("--sql", action="store_true", help="show the SQL of each step")


def _report(of: ArgumentParser) -> None:
    of.add_argument("results", metavar="DIR", type=Path, help="folder that `equipoise run` wrote")


def _store(of: ArgumentParser) -> None:
    of.add_argument("action", choices=("where", "size", "clear"), help="print its place, print its size, or empty it")
    _place(of)


def _study(of: ArgumentParser) -> None:
    of.add_argument("study", metavar="STUDY.toml", help="study file; - reads it from standard input")


def _data(of: ArgumentParser) -> None:
    of.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help="OMOP CDM 5.3/5.4: a DuckDB file, a folder of Parquet or CSV files, or a database URL",
    )
    of.add_argument(
        "--snapshot", metavar="LABEL", help="name of this state of a server database; a run under the same name reuses"
    )
    _engine(of)


def _outcome(of: ArgumentParser) -> None:
    of.add_argument("--to", required=True, type=Path, metavar="DIR", help="folder for tables and report.html")
    of.add_argument(
        "--min-cell-count",
        type=whole(1, 1_000_000),
        default=5,
        metavar="N",
        help="counts from 1 to N-1 are suppressed (default 5; 1 suppresses nothing)",
    )
    _seed(of)
    _place(of)


def _seed(of: ArgumentParser) -> None:
    of.add_argument("--seed", type=whole(0, LARGEST_SEED), metavar="N", help="overrides the seed of the study")


def _place(of: ArgumentParser) -> None:
    of.add_argument(
        "--store", type=Path, metavar="PLACE", help="private folder for intermediates (default: in your cache folder)"
    )


def _engine(of: ArgumentParser) -> None:
    of.add_argument("--threads", type=whole(1, 4096), metavar="N", help="cores DuckDB may use (default: all)")
    of.add_argument("--memory-limit", type=memory, metavar="SIZE", help="memory DuckDB may use, such as 4GB")


def whole(least: int, most: int) -> Callable[[str], int]:
    """An argument that is a whole number between two limits, both allowed."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,19}", text) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def memory(text: str) -> Any:
    """An amount of memory with its unit."""
    if not re.fullmatch(r"\d+(\.\d+)?\s?([KMGT]i?B)", text, flags=re.IGNORECASE):
        raise ArgumentTypeError(f"{text!r} is not an amount of memory such as 4GB or 512MB")
    return text
