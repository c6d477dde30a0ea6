"""What can be written on the command line. Nothing here loads a database, a model or an array library."""

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from equipoise import __version__

LARGEST_SEED = 2**63 - 1
MOST_PERSONS = 100_000_000
MOST_MULTIPLIER = 1000
TOPICS = ("rem-sleep", "charlson")
REM_SETS = ("strict", "default", "liberal_suppressing", "liberal_non_suppressing")
VIEWS = ("register", "network")
EXIT_CODES = """exit codes:
  0    done (a study without cases, controls or exposed persons is an answer, too)
  2    wrong usage of the command line
  10   the study file, or the nation file, has faults
  11   the data or the results folder cannot be used
  12   the study cannot be carried out as written
  13   a combination that is not offered
  14   some analyses failed; the others are done, and tables/run_summary.csv says what became of each
  70   a defect of Equipoise
  130  interrupted; the next run resumes (a simulation leaves nothing behind)

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
    _simulate(command("simulate", "make a synthetic nation: a database of persons who do not exist, and its truth"))
    _calibrate(command("calibrate", "compare nations with the published figures they are meant to reproduce"))
    _validate(command("validate", "name every fault of a study file, then what its design leaves open to doubt"))
    _plan(command("plan", "show the steps a run would take, without taking them"))
    _bridge(command("bridge", "explain the difference of two follow-up studies, one design element at a time"))
    _report(command("report", "write report.html anew from a results folder"))
    _knowledge(command("knowledge", "list what Equipoise knows of drugs and diseases, with its sources"))
    command("schema", "print the JSON Schema of study files")
    _store(command("store", "show or clear the private store of intermediates"))
    return top


def _run(of: ArgumentParser) -> None:
    _study(of)
    _data(of)
    _outcome(of)
    of.add_argument("--unseal", metavar="REASON", help="show what a closed gate seals; the report carries the reason")
    of.add_argument(
        "--with-flaws", action="store_true", help="run every main analysis beside its flawed variants (contrast runs)"
    )


def _demo(of: ArgumentParser) -> None:
    _outcome(of)
    _engine(of)


def _simulate(of: ArgumentParser) -> None:
    of.add_argument("nation", metavar="NATION.toml", nargs="?", help="parameters that differ from the default nation")
    of.add_argument(
        "--to", required=True, type=Path, metavar="PLACE", help="a folder for Parquet files, or a new file NAME.duckdb"
    )
    of.add_argument("--persons", type=whole(1, MOST_PERSONS), default=1_000_000, metavar="N", help="default 1000000")
    of.add_argument("--seed", type=whole(0, LARGEST_SEED), default=7, metavar="N", help="of the simulation (default 7)")
    of.add_argument(
        "--als-incidence-multiplier", type=multiplier, default=1.0, metavar="M", help="enrichment with ALS (default 1)"
    )
    of.add_argument("--views", type=views, default=("register",), metavar="VIEWS", help="register, or register,network")
    of.add_argument("--form", choices=("omop", "registers"), default="omop", help="of the tables (default omop)")
    of.add_argument("--threads", type=whole(1, 1024), metavar="N", help="cores to draw with (default: all)")


def _calibrate(of: ArgumentParser) -> None:
    of.add_argument("nation", metavar="NATION.toml", nargs="?", help="parameters that differ from the default nation")
    of.add_argument("--to", required=True, type=Path, metavar="DIR", help="folder for calibration.csv and .md")
    of.add_argument("--seeds", type=whole(2, 10_000), default=24, metavar="N", help="nations to draw (default 24)")
    of.add_argument(
        "--blocks", type=whole(2, 5000), default=140, metavar="N", help="blocks of 20,000 persons of each (default 140)"
    )
    of.add_argument(
        "--als-incidence-multiplier", type=multiplier, default=60.0, metavar="M", help="enrichment (default 60)"
    )
    of.add_argument("--threads", type=whole(1, 1024), default=2, metavar="N", help="threads to draw with (default 2)")


def _plan(of: ArgumentParser) -> None:
    _study(of)
    _data(of)
    _place(of)
    _seed(of)
    of.add_argument("--sql", action="store_true", help="show the SQL of each step")


def _bridge(of: ArgumentParser) -> None:
    for name, which in (("study_a", "from which the bridge starts"), ("study_b", "to which it leads")):
        words = f"study file, analysis and, where it has several, target, {which}"
        of.add_argument(name, metavar="STUDY.toml:ANALYSIS[:TARGET]", type=analysis_of_study, help=words)
    _data(of)
    of.add_argument(
        "--data-b", metavar="DATA", help="a database of its own for the second study (default: by data_needs.view)"
    )
    of.add_argument(
        "--bootstrap", type=whole(0, 100_000), default=0, metavar="N", help="draws of persons for intervals (default 0)"
    )
    of.add_argument(
        "--truth",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folders with the truth of a nation (default: the one beside the data)",
    )
    of.add_argument("--order", nargs="+", default=(), metavar="ELEMENT", help="the path to show: every element, once")
    of.add_argument(
        "--orders", type=whole(2, 100_000), default=200, metavar="N", help="orders sampled above ten elements (200)"
    )
    _outcome(of)


def _report(of: ArgumentParser) -> None:
    of.add_argument("results", metavar="DIR", type=Path, help="folder that `equipoise run` wrote")


def _knowledge(of: ArgumentParser) -> None:
    of.add_argument(
        "topic", metavar="TOPIC", nargs="?", choices=TOPICS, help="; ".join((", ".join(TOPICS), "all: list"))
    )
    of.add_argument("--set", choices=REM_SETS, help="of rem-sleep: what becomes of contested drugs (default: default)")
    of.add_argument("--file", type=Path, metavar="FACTS.toml", help="of rem-sleep: facts of your own, checked")
    of.add_argument("--format", choices=("table", "toml", "csv"), default="table", help="of the list (default table)")


def _store(of: ArgumentParser) -> None:
    of.add_argument("action", choices=("where", "size", "clear"), help="print its place, print its size, or empty it")
    _place(of)


def _study(of: ArgumentParser) -> None:
    of.add_argument("study", metavar="STUDY.toml", help="study file; - reads it from standard input")


def _validate(of: ArgumentParser) -> None:
    _study(of)
    _data(of, required=False)


def _data(of: ArgumentParser, required: bool = True) -> None:
    of.add_argument(
        "--data",
        required=required,
        metavar="DATA",
        help="OMOP CDM 5.3/5.4: a DuckDB file, a folder of Parquet or CSV files, a URL; or a mapping file (.toml)",
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


def analysis_of_study(text: str) -> tuple[str, str, str | None]:
    """A study file, the id of an analysis and perhaps a target, parted by colons."""
    found = re.fullmatch(r"(.+\.toml):([^:]+)(?::([^:]+))?", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not STUDY.toml:ANALYSIS or STUDY.toml:ANALYSIS:TARGET")
    return found[1], found[2], found[3]


def memory(text: str) -> Any:
    """An amount of memory with its unit."""
    if not re.fullmatch(r"\d+(\.\d+)?\s?([KMGT]i?B)", text, flags=re.IGNORECASE):
        raise ArgumentTypeError(f"{text!r} is not an amount of memory such as 4GB or 512MB")
    return text


def multiplier(text: str) -> float:
    """A number above 0, such as 30 or 0.5."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,9})?", text) or not 0 < float(text) <= MOST_MULTIPLIER:
        raise ArgumentTypeError(f"{text!r} is not a number above 0 and at most {MOST_MULTIPLIER}")
    return float(text)


def views(text: str) -> tuple[str, ...]:
    """Names of views of a nation, parted by commas."""
    found = tuple(text.split(","))
    if not set(found) <= set(VIEWS) or len(set(found)) < len(found):
        raise ArgumentTypeError(f"{text!r} is not one or more of {', '.join(VIEWS)}, parted by commas")
    return found
