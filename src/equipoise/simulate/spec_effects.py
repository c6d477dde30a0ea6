"""The causal effects of drugs: the truth that studies of the nation look for."""

from typing import Annotated

from pydantic import Field

from equipoise.simulate.parameters import Section, parameter
from equipoise.spec.values import Named

Ratio = Annotated[float, Field(gt=0, le=100)]


class Effects(Section):
    """What drugs do to the disease. The defaults: nothing to its onset, something to survival."""

    class_on_als_onset: Named[Ratio] = parameter(
        {"N05B": 1.0, "N05C": 1.0, "N06A": 1.0},
        "hazard ratio",
        "of motor neuron disease while exposed to a class, by ATC prefix; 1 is no effect",
    )
    rem_suppression_on_death: float = parameter(
        0.80, "hazard ratio", "of death while on an antidepressant that suppresses REM sleep", gt=0, le=100
    )
