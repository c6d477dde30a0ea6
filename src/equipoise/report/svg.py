"""The few SVG elements a figure needs, every text and attribute escaped."""

from typing import Any

from markupsafe import Markup, escape


def element(name: str, *children: Any, **attributes: Any) -> Markup:
    """One SVG element. Underscores in attribute names become hyphens; `class_` is `class`; None is left out.

    >>> element("text", "a < b", x=1.0, class_="tick")
    Markup('<text x="1" class="tick">a &lt; b</text>')
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def join(parts: list[Markup]) -> Markup:
    return Markup("").join(parts)


def _plain(value: Any) -> str:
    """Numbers with at most two places and no trailing zeros, so that figures are short and stable."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
