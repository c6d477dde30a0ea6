"""Where in a study file something stands, as its reader would write it."""

import re
from typing import Any

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def place(path: Path, raw: Any) -> str:
    """A place in a study file: `analyses["risk"].design.windows`.

    Members of a list are called by their `id` or `name` where that tells them apart, else by position from 0.

    >>> place(("analyses", 0, "design"), {"analyses": [{"id": "risk"}]})
    'analyses["risk"].design'
    >>> place(("windows", "0-90 days"), {})
    'windows."0-90 days"'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{_called(raw, part)}]"
        else:
            name = part if _BARE.fullmatch(str(part)) else f'"{part}"'
            text += f".{name}" if text else name
        raw = _inside(raw, part)
    return text or "study file"


def _called(items: Any, at: int) -> str:
    if isinstance(items, list | tuple):
        for key in ("id", "name"):
            names = [item.get(key) if isinstance(item, dict) else None for item in items]
            if at < len(names) and isinstance(names[at], str) and names.count(names[at]) == 1:
                return f'"{names[at]}"'
    return str(at)


def _inside(raw: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return raw[part] if isinstance(raw, list | tuple) and part < len(raw) else None
    return raw.get(part) if isinstance(raw, dict) else None
