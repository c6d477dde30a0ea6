"""What a page shows, as plain values between the result tables and the template."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from equipoise.report.numbers import ABSENT, HIDDEN


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. `head` makes it a header of its row; `style` is a class name of the style sheet."""

    content: Any
    style: str = ""
    head: bool = False
    rows: int = 1
    columns: int = 1
    note: str = ""

    @property
    def classes(self) -> str:
        plain = {HIDDEN: "hidden-count", ABSENT: "absent"}.get(
            self.content if isinstance(self.content, str) else "", ""
        )
        return " ".join(part for part in (self.style, plain) if part)

    @property
    def scope(self) -> str:
        """What a header cell is the header of."""
        return "colgroup" if self.columns > 1 else "rowgroup" if self.rows > 1 else "row"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page: a caption, a header row, rows of cells and notes beneath. `foot` closes a forest plot."""

    caption: str
    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    foot: Sequence[Cell] = ()
    style: str = ""

    @property
    def hides(self) -> bool:
        """Whether some cell says that its count is hidden."""
        texts = (cell.content for row in self.rows for cell in row if not isinstance(cell.content, Markup))
        return any(HIDDEN in text.split() for text in texts)


@dataclass(frozen=True, slots=True)
class Part:
    """What one analysis contributes to a section. Sensitivity analyses are folded away."""

    title: str
    tables: Sequence[Table] = ()
    extra: Sequence[Table] = ()
    folded: bool = False
    figure: Any = None
    words: Sequence[Any] = field(default=())


def head(*texts: str, numbers_from: int = 1) -> list[Cell]:
    """A header row: columns from `numbers_from` on hold numbers."""
    return [Cell(text, "number" if i >= numbers_from else "") for i, text in enumerate(texts)]


def numbers(*texts: str) -> list[Cell]:
    return [Cell(text, "number") for text in texts]


def group_row(text: str, columns: int, note: str = "") -> list[Cell]:
    """A row that names the rows beneath it."""
    return [Cell(text, "group", head=True, columns=columns, note=note)]


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Rows by key, groups and members in the order of their first appearance."""
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
