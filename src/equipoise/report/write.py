"""Writing the report: one HTML file that opens offline, works without scripts and prints."""

import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from equipoise import __version__
from equipoise.errors import Fault, OutputError
from equipoise.report.bridge import bridge_context
from equipoise.report.page import context
from equipoise.results.read import read_results
from equipoise.results.results import Results


def write_report(results: Results | str | Path, path: str | Path) -> Path:
    """Write the report of `results` (or of a results folder) to `path` and return that path.

    The same results give the same bytes. Raises `SourceError` where the folder or its study cannot be read and
    `OutputError` where the file cannot be written; then what was there stays.

    >>> write_report("results/", "report.html")  # doctest: +SKIP
    """
    read = results if isinstance(results, Results) else read_results(results)
    target = Path(path)
    _put(report_html(read), target)
    return target


def report_html(results: Results) -> str:
    """The report as text, of a study or of a bridge between two. Every text of studies and tables is escaped."""
    if "bridge" in results.manifest:
        return _templates().get_template("bridge.html").render(version=__version__, **bridge_context(results))
    return _templates().get_template("report.html").render(version=__version__, **context(results))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("equipoise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _put(text: str, target: Path) -> None:
    """Write beside the target, then rename, so that the target is never half a page."""
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".equipoise-partial-", dir=target.parent)
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        what = f"cannot be written: {error.strerror or type(error).__name__}"
        raise OutputError(Fault(str(target), what, "a file in a folder with write permission and room")) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
