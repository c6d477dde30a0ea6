"""The validation page is held against what the other tests recorded, so its test runs last."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == "test_validation_page.py")
