"""Parameters of background treatment: who is treated with what, for how long, and how often it is dispensed."""

from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import Field, model_validator

from equipoise.simulate.parameters import Section, inherited, parameter
from equipoise.spec.values import Day

SPDR = "Swedish Prescribed Drug Register, anchors of use and new use"
CASE_CONTROL = "Chourpiliadis et al. 2025, odds ratios of use more than a year before"
Curve = tuple[tuple[float, float], ...]


class ClassUse(Section):
    """How a class of drugs is prescribed. An episode is treatment with it from the first dispensing to the last."""

    rate: float = parameter(
        10.0,
        "episodes per 1,000 person-years",
        "begun by untreated persons of 50 in 2010, men, on average",
        ge=0,
        le=2_000,
    )
    women: float = parameter(1.0, "rate ratio", "women to men", gt=0)
    by_age: Curve = parameter(
        ((0.0, 1.0),), "(years, rate ratio)", "rate against that at 50, linear between ages", min_length=1
    )
    by_year: Curve = parameter(
        ((2010.0, 1.0),), "(year, rate ratio)", "rate against that in 2010, linear between years", min_length=1
    )
    vulnerability: float = parameter(
        0.0, "log rate ratio", "for a standard deviation of psychiatric vulnerability", ge=-2, le=2
    )
    tendency: float = parameter(
        0.0, "log SD", "of the rate between persons, for reasons unrelated to anything else", ge=0, le=2
    )
    single: float = parameter(0.4, "1", "share of episodes with one dispensing only", ge=0, le=1)
    chronic: float = parameter(0.1, "1", "share of episodes that last for years", ge=0, le=1)
    short_dispensings: float = parameter(
        3.0, "1", "mean dispensings after the first in the other episodes", ge=1, le=200
    )
    chronic_years: float = parameter(4.0, "years", "median length of long episodes", gt=0, le=40)
    chronic_spread: float = parameter(1.0, "log SD", "of the length of long episodes", ge=0, le=3)
    switching: float = parameter(0.0, "1", "share of repeated episodes that go over to another drug", ge=0, le=1)

    @model_validator(mode="after")
    def _curves_ascend(self) -> "ClassUse":
        for name in ("by_age", "by_year"):
            curve = getattr(self, name)
            if any(later[0] <= earlier[0] for earlier, later in pairwise(curve)):
                raise ValueError(f"{name} must ascend")
            if min(ratio for _, ratio in curve) < 0:
                raise ValueError(f"{name} holds a rate ratio below 0")
        if self.single + self.chronic > 1:
            raise ValueError("single and chronic are shares of the same episodes and exceed 1 together")
        return self


def _own(name: str, default: Any, source: str = "assumed") -> Any:
    """The parameter `name` of every class with a default of this class."""
    return inherited(ClassUse, name, default, source=source)


class Anxiolytics(ClassUse):
    """Anxiolytics, N05B."""

    rate: float = _own("rate", 18.0, SPDR)
    women: float = _own("women", 1.5)
    by_age: Curve = _own("by_age", ((10.0, 0.0), (18.0, 0.6), (30.0, 1.0), (50.0, 1.0), (70.0, 1.45), (90.0, 2.0)))
    vulnerability: float = _own("vulnerability", 0.82, CASE_CONTROL)
    tendency: float = _own("tendency", 0.80)
    single: float = _own("single", 0.55, SPDR)
    chronic: float = _own("chronic", 0.23)
    short_dispensings: float = _own("short_dispensings", 4.0)
    chronic_years: float = _own("chronic_years", 5.0)
    chronic_spread: float = _own("chronic_spread", 1.2)
    switching: float = _own("switching", 0.15)


class Hypnotics(ClassUse):
    """Hypnotics and sedatives, N05C."""

    rate: float = _own("rate", 17.0, SPDR)
    women: float = _own("women", 1.4)
    by_age: Curve = _own("by_age", ((10.0, 0.0), (18.0, 0.4), (30.0, 0.8), (50.0, 1.0), (70.0, 1.35), (90.0, 2.2)))
    by_year: Curve = _own("by_year", ((2000.0, 1.1), (2006.0, 1.0), (2023.0, 1.1)))
    vulnerability: float = _own("vulnerability", 0.55, CASE_CONTROL)
    tendency: float = _own("tendency", 1.24)
    single: float = _own("single", 0.5, SPDR)
    chronic: float = _own("chronic", 0.32)
    short_dispensings: float = _own("short_dispensings", 4.0)
    chronic_years: float = _own("chronic_years", 7.0)
    chronic_spread: float = _own("chronic_spread", 1.3)
    switching: float = _own("switching", 0.2)


class Antidepressants(ClassUse):
    """Antidepressants, N06A."""

    rate: float = _own("rate", 17.0, SPDR)
    women: float = _own("women", 1.6)
    by_age: Curve = _own("by_age", ((10.0, 0.0), (18.0, 1.0), (30.0, 1.3), (50.0, 1.05), (70.0, 0.94), (90.0, 1.85)))
    by_year: Curve = _own("by_year", ((2000.0, 2.0), (2006.0, 1.0), (2010.0, 0.9), (2023.0, 1.4)), SPDR)
    vulnerability: float = _own("vulnerability", 1.15, CASE_CONTROL)
    tendency: float = _own("tendency", 0.94)
    single: float = _own("single", 0.18)
    chronic: float = _own("chronic", 0.62)
    short_dispensings: float = _own("short_dispensings", 5.0)
    chronic_years: float = _own("chronic_years", 8.0)
    chronic_spread: float = _own("chronic_spread", 1.3)
    switching: float = _own("switching", 0.25)


class ProtonPumpInhibitors(ClassUse):
    """Proton-pump inhibitors, A02BC: a negative control."""

    rate: float = _own("rate", 25.0)
    women: float = _own("women", 1.2)
    by_age: Curve = _own("by_age", ((0.0, 0.0), (20.0, 0.4), (50.0, 1.0), (80.0, 2.0)))
    single: float = _own("single", 0.5)
    chronic: float = _own("chronic", 0.1)


class CalciumChannelBlockers(ClassUse):
    """Dihydropyridines, C08CA: a negative control."""

    rate: float = _own("rate", 6.0)
    by_age: Curve = _own("by_age", ((30.0, 0.0), (50.0, 1.0), (75.0, 3.0)))
    single: float = _own("single", 0.1)
    chronic: float = _own("chronic", 0.7)
    chronic_years: float = _own("chronic_years", 6.0)


class AceInhibitors(ClassUse):
    """ACE inhibitors, C09AA: a negative control."""

    rate: float = _own("rate", 6.0)
    women: float = _own("women", 0.8)
    by_age: Curve = _own("by_age", ((30.0, 0.0), (50.0, 1.0), (75.0, 2.5)))
    single: float = _own("single", 0.1)
    chronic: float = _own("chronic", 0.7)
    chronic_years: float = _own("chronic_years", 6.0)


class Penicillins(ClassUse):
    """Phenoxymethylpenicillin, J01CE: a negative control used once."""

    rate: float = _own("rate", 60.0)
    by_age: Curve = _own("by_age", ((0.0, 3.0), (10.0, 1.5), (20.0, 1.0), (90.0, 1.0)))
    by_year: Curve = _own("by_year", ((2005.0, 1.2), (2020.0, 0.6)))
    single: float = _own("single", 1.0)
    chronic: float = _own("chronic", 0.0)


class Antihistamines(ClassUse):
    """Desloratadine, R06AX: a negative control."""

    rate: float = _own("rate", 12.0)
    women: float = _own("women", 1.3)
    single: float = _own("single", 0.6)
    chronic: float = _own("chronic", 0.05)


class ThyroidHormones(ClassUse):
    """Levothyroxine, H03AA: a negative control used for life."""

    rate: float = _own("rate", 1.2)
    women: float = _own("women", 4.0)
    by_age: Curve = _own("by_age", ((10.0, 0.0), (50.0, 1.0), (80.0, 1.5)))
    single: float = _own("single", 0.02)
    chronic: float = _own("chronic", 0.95)
    chronic_years: float = _own("chronic_years", 15.0)


class Refills(Section):
    """How episodes become dispensings."""

    late: float = parameter(0.0, "1", "by how much the mean time between dispensings exceeds the supply", ge=0, le=5)
    spread: float = parameter(0.25, "1", "a refill comes up to this share of the interval early or late", ge=0, lt=0.5)
    missed: float = parameter(0.05, "1", "share of refills left out, so that treatment has gaps", ge=0, lt=1)
    double: float = parameter(0.05, "1", "share of refills with two packs, which replace the next", ge=0, lt=1)

    @model_validator(mode="after")
    def _shares_of_the_same_refills(self) -> "Refills":
        if self.missed + self.double > 1:
            raise ValueError("missed and double are shares of the same refills and exceed 1 together")
        return self


class PrescribingSection(Section):
    """Background treatment of everybody, from years before recording begins, so that prevalent users exist."""

    treated_from: Day = parameter(date(2000, 1, 1), "date", "episodes begin from this day on")
    recorded_from: Day = parameter(
        date(2005, 7, 1),
        "date",
        "first day on which dispensings are recorded",
        source="Swedish Prescribed Drug Register",
    )
    refills: Refills = Field(default_factory=Refills)
    anxiolytics: Anxiolytics = Field(default_factory=Anxiolytics)
    hypnotics: Hypnotics = Field(default_factory=Hypnotics)
    antidepressants: Antidepressants = Field(default_factory=Antidepressants)
    proton_pump_inhibitors: ProtonPumpInhibitors = Field(default_factory=ProtonPumpInhibitors)
    calcium_channel_blockers: CalciumChannelBlockers = Field(default_factory=CalciumChannelBlockers)
    ace_inhibitors: AceInhibitors = Field(default_factory=AceInhibitors)
    penicillins: Penicillins = Field(default_factory=Penicillins)
    antihistamines: Antihistamines = Field(default_factory=Antihistamines)
    thyroid_hormones: ThyroidHormones = Field(default_factory=ThyroidHormones)

    @model_validator(mode="after")
    def _recording_starts_after_treatment(self) -> "PrescribingSection":
        if self.recorded_from < self.treated_from:
            raise ValueError("recorded_from lies before treated_from, so that recorded treatment would begin at once")
        return self

    def of_class(self, atc: str) -> ClassUse:
        """How the class with this ATC code is prescribed."""
        return getattr(self, CLASS_FIELDS[atc])  # type: ignore[no-any-return]


CLASS_FIELDS = {
    "N05B": "anxiolytics",
    "N05C": "hypnotics",
    "N06A": "antidepressants",
    "A02BC": "proton_pump_inhibitors",
    "C08CA": "calcium_channel_blockers",
    "C09AA": "ace_inhibitors",
    "J01CE": "penicillins",
    "R06AX": "antihistamines",
    "H03AA": "thyroid_hormones",
}
"""Name of the part of the specification by ATC class."""
