"""The reference page of the mapping file is the one that its models make."""

from equipoise.data.register_mapping_reference import AGAIN, reference_page
from tests.studies.places import ROOT


def test_the_page_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "register-mapping.md"
    assert page.read_text(encoding="utf-8") == reference_page(), AGAIN


def test_every_key_has_a_meaning() -> None:
    rows = [row for row in reference_page().splitlines() if row.startswith("| `") and row.count("|") == 5]
    assert len(rows) > 60
    assert all(row.rsplit("|", 2)[1].strip() for row in rows)
