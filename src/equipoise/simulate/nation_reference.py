"""The reference page of the nation file, made from its models."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.parameters import Section

OPENING = """# The parameters of the synthetic nation

A nation file is TOML 1.0 in UTF-8. It names the parameters that differ from the defaults below; an empty file is the
default nation. `equipoise simulate nation.toml --to DIR` names every fault at once: unknown keys, values of another
type, values beyond their limits.

"assumed" in the last column says that the value is not taken from a source but chosen, most often so that the whole
agrees with published figures. This page is made from the models in `equipoise.simulate`; print it anew with
`python -m equipoise.simulate.nation_reference > docs/reference/nation.md`.
"""


def reference_page() -> str:
    """The page in Markdown."""
    return "\n".join([OPENING, *_tables("", NationSpec())])


def _tables(path: str, section: Section) -> Iterator[str]:
    """A table of the parameters of a section, then those of the sections inside it."""
    fields = type(section).model_fields
    plain = {name: field for name, field in fields.items() if not isinstance(_inside(section, name), Section)}
    if path:
        yield f"## `[{path}]`\n\n{(type(section).__doc__ or '').strip()}\n"
    if plain:
        yield "| parameter | default | unit | meaning | source |\n|---|---|---|---|---|"
        yield "\n".join(_row(name, field, getattr(section, name)) for name, field in plain.items()) + "\n"
    for name in fields:
        value = _inside(section, name)
        below = f"{path}.{name}".strip(".")
        if isinstance(value, Section):
            yield from _tables(below, value)
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, Section):
                    yield from _tables(f"{below}.{key}", item)


def _inside(section: BaseModel, name: str) -> Any:
    return getattr(section, name)


def _row(name: str, field: FieldInfo, value: Any) -> str:
    about = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    cells = (
        f"`{name}`",
        _shown(value),
        str(about.get("unit", "")),
        field.description or "",
        str(about.get("source", "")),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        inside = any(isinstance(item, Section) for item in value.values())
        return "below" if inside else ", ".join(f"`{key} = {item}`" for key, item in value.items())
    if isinstance(value, tuple):
        return f"`{_listed(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _listed(value: Any) -> str:
    return "[" + ", ".join(map(_listed, value)) + "]" if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    print(reference_page(), end="")
