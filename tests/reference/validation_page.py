"""Make docs/reference/validation.md from the reference tests: `python -m tests.reference.validation_page`.

Runs the tests in this folder that are not slow, and writes what `agree` recorded for each public case: what was
compared, with which program, how near the numbers are and which tolerance the test holds. Differences are powers of ten
rounded up, so that another machine's last digits do not change the page.
"""

import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reference.agreement import RECORD, Comparison
from tests.reference.not_offered import NOT_OFFERED
from tests.reference.public_cases import case_files, cases

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "reference" / "validation.md"
AGAIN = "python -m tests.reference.validation_page"
CHECKED_ROW = re.compile(r"^\| `([^`]+)` \| .* \|$", re.MULTILINE)
NOT_OFFERED_ROW = re.compile(r"^- `([^`]+)`: ", re.MULTILINE)
COLUMNS = ("coefficients", "standard errors", "log-likelihood")  # the other quantities share the last column
SMALLEST = 1e-14  # nearer than this is rounding, and differs from machine to machine

HEAD = f"""# Validation

What the estimators answer, beside what other programs answer on the same public data. The reference tests compare each
case and write this page: `{AGAIN}`.

The difference shown is the largest over all numbers of that kind in the case, rounded up to a power of ten; the
tolerance that the test holds stands in brackets; "equal" means that nothing may differ, as in counts. Differences are
relative to the other program's value unless "absolute" is said. The other program's own convergence is often what
limits the agreement. What the data cannot answer, such as an infinite estimate, is compared too: that it is flagged.

More answers, on data made for the tests, stand in `tests/reference/*.json` with the scripts that made them.
"""


def page(record: dict[str, dict[str, Comparison]]) -> str:
    """The whole page for a record of comparisons."""
    parts = [HEAD, _counts(record)]
    for name, content in case_files().items():
        parts.append(_section(name, content, record))
    return "\n".join(parts)


def checked_on(text: str) -> set[str]:
    """Ids of the cases that a page says were compared."""
    return set(CHECKED_ROW.findall(text))


def not_offered_on(text: str) -> set[str]:
    """Ids of the cases that a page says are not offered."""
    return set(NOT_OFFERED_ROW.findall(text))


def _counts(record: dict[str, dict[str, Comparison]]) -> str:
    ids = set(cases())
    return f"Of {len(ids)} cases {len(ids & set(record))} are compared; {len(NOT_OFFERED)} are not offered.\n"


def _section(name: str, content: dict[str, Any], record: dict[str, dict[str, Comparison]]) -> str:
    packages = ", ".join(f"{package} {version}" for package, version in content["meta"]["packages"].items())
    lines = [f"## {name}", "", f"{content['meta']['generated_by']}; {packages}.", ""]
    compared = [case for case in content["cases"] if case["id"] in record]
    if compared:
        heads = ["case", "compared with", *COLUMNS, "others"]
        lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        lines += [_row(case, record[case["id"]]) for case in compared]
        lines.append("")
    left = [case["id"] for case in content["cases"] if case["id"] in NOT_OFFERED]
    if left:
        lines += ["Not offered:", "", *(f"- `{id}`: {NOT_OFFERED[id]}." for id in left), ""]
    return "\n".join(lines)


def _call(case: dict[str, Any]) -> str:
    words = " ".join(str(case.get("r_call") or "").split())
    return f"`{words.replace('|', chr(92) + '|')}`" if words else "its answer"


def _row(case: dict[str, Any], comparisons: dict[str, Comparison]) -> str:
    name = f"`{case['id']}`"
    usual = [size_of(comparisons[name]) if name in comparisons else "" for name in COLUMNS]
    others = [f"{name} {size_of(found)}" for name, found in sorted(comparisons.items()) if name not in COLUMNS]
    return f"| {' | '.join([name, _call(case), *usual, '; '.join(others)])} |"


def size_of(found: Comparison) -> str:
    """A difference as a power of ten, with the tolerance in brackets."""
    if found.tolerance == 0.0:
        return "equal"
    unit = "" if found.relative else " absolute"
    return f"{_power_of_ten(found.difference)} ({found.tolerance:.0e}{unit})".replace("e-0", "e-")


def _power_of_ten(difference: float) -> str:
    if difference <= SMALLEST:
        return f"≤ {SMALLEST:.0e}"
    return f"1e{math.ceil(math.log10(difference) - 1e-9)}"


def main() -> int:
    failed = pytest.main([str(FOLDER), "-q", f"--ignore={FOLDER / 'test_validation_page.py'}"])
    if failed:
        return int(failed)
    PAGE.write_text(page(RECORD), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
