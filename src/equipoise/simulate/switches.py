"""The arrows of the nation that can be taken out one by one."""

from equipoise.simulate.parameters import Section, parameter


def _arrow(meaning: str) -> bool:
    """A switch that is on. One that is off takes out its arrow alone; every random number stays what it was."""
    return parameter(True, "true or false", meaning, source="structure of the model")


class Switches(Section):
    """Arrows of the causal graph. `false` takes one out, and whatever does not lie below it stays the same."""

    familial_vulnerability: bool = _arrow("relatives share psychiatric vulnerability")
    vulnerability_to_diagnoses: bool = _arrow("vulnerability brings psychiatric diagnoses")
    vulnerability_to_prescribing: bool = _arrow("vulnerability brings psychotropic drugs")
    vulnerability_to_als: bool = _arrow("vulnerability raises the hazard of motor neuron disease")
    vulnerability_to_mortality: bool = _arrow("vulnerability raises the hazard of death after onset")
    genetic_liability: bool = _arrow("carriers of the gene have a higher hazard of motor neuron disease")
    prodrome: bool = _arrow("disease that is not yet diagnosed brings prescribing (reverse causation)")
    severity_to_prescribing: bool = _arrow("faster disease brings more prescribing before the diagnosis")
    distress_to_prescribing: bool = _arrow(
        "distress and severity drive initiation, choice and stopping of antidepressants after the diagnosis"
    )
    incomplete_diagnoses: bool = _arrow("diagnoses are recorded with imperfect sensitivity")
    registry_selection: bool = _arrow("inclusion in the quality register depends on survival")
    incomplete_capture: bool = _arrow("the network of hospitals misses some prescriptions")
