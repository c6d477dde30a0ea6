"""A synthetic nation as a value: every parameter, and how it is read from a file."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from equipoise.errors import Fault, SpecError
from equipoise.simulate.parameters import Section
from equipoise.simulate.spec_course import CourseSection
from equipoise.simulate.spec_disease import DiseaseSection
from equipoise.simulate.spec_effects import Effects
from equipoise.simulate.spec_network import NetworkSection
from equipoise.simulate.spec_observation import Observation
from equipoise.simulate.spec_population import Population
from equipoise.simulate.spec_prescribing import PrescribingSection
from equipoise.simulate.spec_problems import ProblemLists
from equipoise.simulate.spec_psychiatry import Psychiatry
from equipoise.simulate.switches import Switches
from equipoise.spec.read import file_content
from equipoise.spec.wording import worded


class NationSpec(Section):
    """Every parameter of a synthetic nation. Whatever a file does not name has its default.

    >>> NationSpec().effects.rem_suppression_on_death
    0.8
    """

    population: Population = Field(default_factory=Population, description="births, lives, migration, families")
    psychiatry: Psychiatry = Field(default_factory=Psychiatry, description="diagnoses other than motor neuron disease")
    prescribing: PrescribingSection = Field(default_factory=PrescribingSection, description="drugs of everyday life")
    disease: DiseaseSection = Field(default_factory=DiseaseSection, description="motor neuron disease to its diagnosis")
    course: CourseSection = Field(default_factory=CourseSection, description="from the first symptom to death")
    observation: Observation = Field(default_factory=Observation, description="what the registers see of the disease")
    effects: Effects = Field(default_factory=Effects, description="causal effects of drugs")
    network: NetworkSection = Field(default_factory=NetworkSection, description="what a network of hospitals records")
    problems: ProblemLists = Field(default_factory=ProblemLists, description="what the network's problem lists hold")
    switches: Switches = Field(default_factory=Switches, description="arrows of the causal graph")


def read_nation(path: str | Path) -> NationSpec:
    """Read a nation file (TOML 1.0 in UTF-8).

    Raises `SpecError` (exit code 10) with every fault found: unreadable file, broken TOML, unknown keys, wrong types,
    values beyond their limits.

    >>> read_nation("no-such-nation.toml")
    Traceback (most recent call last):
    equipoise.errors.SpecError: no-such-nation.toml: no such file; allowed: the path of a nation file (TOML)
    """
    text = file_content(Path(path), "nation")
    try:
        return parse_nation(tomllib.loads(text))
    except RecursionError:
        raise SpecError(Fault(str(path), "tables or lists nested too deeply", "a nation file in TOML 1.0")) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(Fault(str(path), f"not TOML: {error}", "a nation file in TOML 1.0")) from None


def parse_nation(raw: dict[str, Any]) -> NationSpec:
    """A nation from plain values, as `tomllib.load` gives them. Raises `SpecError` with every fault.

    Values are laid over the defaults key by key, also inside tables of tables.

    >>> parse_nation({"effects": {"rem_suppression_on_death": 1.0}}).effects.rem_suppression_on_death
    1.0
    """
    try:
        return NationSpec.model_validate(_laid_over(NationSpec().model_dump(), raw))
    except ValidationError as error:
        raise SpecError(sorted(dict.fromkeys(worded(error, NationSpec, raw)), key=lambda fault: fault.where)) from None


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: _laid_over(below[key], above[key]) for key in above if _are_tables(below.get(key), above[key])}
    return below | above | both


def _are_tables(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)
