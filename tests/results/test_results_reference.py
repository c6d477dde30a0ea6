"""The reference page says what the declaration says."""

from pathlib import Path

from equipoise.results.reference import reference_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "results.md"


def test_the_page_is_up_to_date() -> None:
    again = "python -m equipoise.results.reference > docs/reference/results.md"
    assert PAGE.read_text(encoding="utf-8") == reference_page(), f"make it anew: {again}"
