"""The reference page of the study file says what the models say."""

from pathlib import Path

from equipoise.spec.reference import reference_page
from equipoise.spec.schema import study_schema

PAGE = Path(__file__).parents[2] / "docs" / "study-file.md"


def test_the_page_is_up_to_date() -> None:
    again = "python -m equipoise.spec.reference > docs/study-file.md"
    assert PAGE.read_text(encoding="utf-8") == reference_page(), f"make it anew: {again}"


def test_every_key_is_explained() -> None:
    schema = study_schema()
    for name, table in (schema["$defs"] | {"Study": schema}).items():
        for key, value in table.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"
