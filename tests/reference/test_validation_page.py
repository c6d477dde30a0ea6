"""Every public case is compared or listed as not offered, and docs/reference/validation.md says which."""

from collections.abc import Callable

import pytest

from tests.reference.agreement import RECORD, Comparison
from tests.reference.not_offered import NOT_OFFERED
from tests.reference.public_cases import cases, with_public_cases
from tests.reference.validation_page import AGAIN, FOLDER, PAGE, checked_on, not_offered_on, page, size_of

pytestmark = with_public_cases


def whole_run(session: pytest.Session) -> bool:
    """True where this run has every reference test, none left out by a word or a place on the command line."""
    chosen = {item.path.name for item in session.items if item.path.parent == FOLDER}
    return {path.name for path in FOLDER.glob("test_*.py")} <= chosen and not session.config.option.keyword


def test_every_case_is_on_the_page_once() -> None:
    text = PAGE.read_text(encoding="utf-8")
    checked, left_out = checked_on(text), not_offered_on(text)
    assert not checked & left_out
    missing = set(cases()) - checked - left_out
    assert not missing, f"neither compared nor listed in not_offered.py, or the page is old ({AGAIN}): {missing}"
    assert left_out == set(NOT_OFFERED), f"make the page anew: {AGAIN}"
    assert checked | left_out == set(cases()), f"make the page anew: {AGAIN}"


def test_the_page_names_what_this_run_compared(request: pytest.FixtureRequest) -> None:
    if not whole_run(request.session):
        pytest.skip("needs a run of all reference tests")
    compared = set(RECORD) & set(cases())
    listed = compared & set(NOT_OFFERED)
    assert not listed, f"compared, and yet listed in not_offered.py: {listed}"
    assert checked_on(PAGE.read_text(encoding="utf-8")) == compared, f"make the page anew: {AGAIN}"


def test_a_page_can_be_read_back() -> None:
    some = next(id for id in cases() if id not in NOT_OFFERED)
    text = page({some: {"coefficients": Comparison("coefficients", 3e-12, 1e-8, True)}})
    assert checked_on(text) == {some}
    assert not_offered_on(text) == set(NOT_OFFERED)
    assert "| 1e-11 (1e-8) |" in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0.0, "≤ 1e-14 (1e-8)"),
        (9e-15, "≤ 1e-14 (1e-8)"),
        (1e-10, "1e-10 (1e-8)"),
        (1.1e-10, "1e-9 (1e-8)"),
    ],
)
def test_differences_are_rounded_up_to_powers_of_ten(difference: float, words: str) -> None:
    assert size_of(Comparison("coefficients", difference, 1e-8, True)) == words


def test_a_new_case_that_nobody_compares_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Callable[[], dict] = cases
    more = {**known(), "a_new_case": {"id": "a_new_case"}}
    monkeypatch.setattr("tests.reference.test_validation_page.cases", lambda: more)
    with pytest.raises(AssertionError, match="a_new_case"):
        test_every_case_is_on_the_page_once()
