"""Where studies and the databases that nobody here made lie."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "studies"
SHARED = ROOT.parent / "shared"


def shared_data(name: str) -> Path:
    """A folder of shared data; the test is skipped where it is absent."""
    place = SHARED / "data" / name
    if not place.exists():
        pytest.skip(f"shared data {name!r} is not beside the checkout")
    return place
