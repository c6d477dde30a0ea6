"""Parameters of what the registers see of motor neuron disease."""

from equipoise.simulate.parameters import Section, parameter


class Observation(Section):
    """Recording of motor neuron disease in specialised care, for everybody who lives to the diagnosis."""

    visit_days: int = parameter(91, "days", "between visits to a specialist after the diagnosis", ge=1, le=3650)
    sensitivity: float = parameter(0.9, "1", "share of these visits whose diagnosis is recorded", ge=0, le=1)
