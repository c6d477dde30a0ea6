"""What is said of a step that failed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.errors import DesignError, Fault
from equipoise.kernels import newton
from equipoise.runner.failures import Failure

SECRET = "person 4711 of 12 May 1950"


def failure_of(work: Callable[[], Any]) -> Failure:
    with pytest.raises(Exception) as found:  # noqa: PT011 - of any kind
        work()
    return Failure("estimates of main", found.value)


def secret(_: np.ndarray) -> newton.Evaluation:
    raise ValueError(SECRET)


def singular(_: np.ndarray) -> newton.Evaluation:
    return newton.Evaluation(0.0, np.zeros(1), np.linalg.inv(np.zeros((1, 1))))


@pytest.mark.parametrize(("evaluate", "kind"), [(singular, "LinAlgError"), (secret, "ValueError")])
def test_a_defect_is_placed_in_the_package_and_not_in_what_it_calls(
    evaluate: Callable[[np.ndarray], newton.Evaluation], kind: str
) -> None:
    failure = failure_of(lambda: newton.maximise(evaluate, np.zeros(1)))
    place, line = failure.says.removeprefix("a defect of Equipoise at ").removesuffix("; please report it").split(":")
    assert (failure.kind, place) == (kind, "newton.py")
    assert "evaluate(beta)" in Path(newton.__file__).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_without_a_frame_of_the_package_the_deepest_is_named() -> None:
    assert failure_of(lambda: secret(np.zeros(1))).says.startswith("a defect of Equipoise at test_failures.py:")
    assert Failure("main", ValueError(SECRET)).says == "a defect of Equipoise; please report it"


def test_faults_are_said_in_one_line() -> None:
    error = DesignError([Fault("here", "this"), Fault("there", "that")])
    assert Failure("main", error).says == str(error).replace("\n", "; ")
    assert "\n" not in Failure("main", error).says
