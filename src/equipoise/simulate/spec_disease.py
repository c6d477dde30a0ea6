"""Parameters of motor neuron disease up to the diagnosis: who gets it, how fast it is, what it does to prescribing."""

from pydantic import Field

from equipoise.simulate.parameters import Section, inherited, parameter

INCIDENCE = "Swedish register studies of motor neuron disease, 2008-2021"
REGISTERS = "ALSFRS-R in 7 population registers (7,030 patients)"
ROOS = "Roos et al. 2016, depression before ALS: odds ratio 1.7, in the last year 3.5"
CASE_CONTROL = "Chourpiliadis et al. 2025, odds ratios by window"


class Incidence(Section):
    """Hazard of the first symptom: a bell curve over age."""

    peak: float = parameter(
        16.1,
        "per 100,000 person-years",
        "all motor neuron disease, men, at the peak",
        source=INCIDENCE,
        ge=0,
        le=10_000,
    )
    peak_age: float = parameter(74.8, "years", "age at which the hazard is highest", source=INCIDENCE, gt=0)
    spread: float = parameter(15.2, "years", "standard deviation of the bell curve", source=INCIDENCE, gt=0)
    women: float = parameter(0.82, "hazard ratio", "women to men", source=INCIDENCE, gt=0)
    als_share: float = parameter(
        0.750, "1", "share of ALS, the rest being other motor neuron disease", source=INCIDENCE, ge=0, le=1
    )
    carrier_ratio: float = parameter(
        520.0, "hazard ratio", "ALS, carriers to others", source="sibling recurrence 17", ge=1, le=10_000
    )
    vulnerability: float = parameter(
        0.135,
        "log hazard ratio",
        "for a standard deviation of psychiatric vulnerability",
        source=CASE_CONTROL,
        ge=-2,
        le=2,
    )


class Onset(Section):
    """What the disease is like, and how long it takes to be recognised."""

    delay: float = parameter(
        1.02, "years", "median time from onset to diagnosis, at mean slope", source="median 1.0 y", gt=0, le=20
    )
    delay_spread: float = parameter(0.35, "log SD", "of the diagnostic delay", ge=0, le=1.5)
    delay_slope: float = parameter(
        -0.30, "log ratio", "of the delay, for every point a month of slope beyond the mean", ge=-2, le=2
    )
    latest: float = parameter(
        20.0, "points", "lost by the time of which the disease is recognised at the latest", gt=0, le=48
    )
    slope_centre: float = parameter(
        0.80, "points a month", "centre of the normal law that slopes are cut from", source=REGISTERS, gt=0, le=5
    )
    slope_spread: float = parameter(0.57, "points a month", "its standard deviation", source=REGISTERS, gt=0, le=2)
    slope_least: float = parameter(0.02, "points a month", "slopes below do not occur", gt=0, le=1)
    slope_mean: float = parameter(
        0.89, "points a month", "mean slope, to which effects of slope refer", source=REGISTERS
    )
    other_slope: float = parameter(0.5, "ratio", "slope of other motor neuron disease to that of ALS", gt=0, le=5)
    bulbar: float = parameter(0.25, "1", "share of bulbar onset in men of 67", source="25-34 % in all", gt=0, lt=1)
    bulbar_women: float = parameter(0.35, "log odds ratio", "of bulbar onset, women to men")
    bulbar_age: float = parameter(0.025, "log odds ratio", "of bulbar onset, for every year of age")


class ClassProdrome(Section):
    """Episodes of one class that the disease brings about before it is recognised."""

    episodes: float = parameter(0.05, "1", "extra episodes a case, at mean slope", source=CASE_CONTROL, ge=0, le=3)
    years: float = parameter(
        0.4, "years", "mean time from such an episode to the diagnosis", source=CASE_CONTROL, gt=0, le=20
    )
    single: float = parameter(0.2, "1", "share of them with one dispensing only", ge=0, le=1)
    vulnerability: float = parameter(
        0.4, "log rate ratio", "of these episodes, for a standard deviation of vulnerability", ge=-2, le=2
    )


class AnxiolyticProdrome(ClassProdrome):
    """Anxiolytics, N05B."""

    episodes: float = inherited(ClassProdrome, "episodes", 0.10, source=CASE_CONTROL)
    years: float = inherited(ClassProdrome, "years", 0.42, source=CASE_CONTROL)
    single: float = inherited(ClassProdrome, "single", 0.1)
    vulnerability: float = inherited(ClassProdrome, "vulnerability", 0.3)


class HypnoticProdrome(ClassProdrome):
    """Hypnotics and sedatives, N05C."""

    episodes: float = inherited(ClassProdrome, "episodes", 0.049, source=CASE_CONTROL)
    years: float = inherited(ClassProdrome, "years", 0.50, source=CASE_CONTROL)


class AntidepressantProdrome(ClassProdrome):
    """Antidepressants, N06A."""

    episodes: float = inherited(ClassProdrome, "episodes", 0.13, source=CASE_CONTROL)
    years: float = inherited(ClassProdrome, "years", 0.38, source=CASE_CONTROL)
    single: float = inherited(ClassProdrome, "single", 0.05)
    vulnerability: float = inherited(ClassProdrome, "vulnerability", 1.05)
    non_suppressing: float = parameter(
        -1.95, "log odds", "that such an episode is with a drug that does not suppress REM sleep, at mean slope"
    )
    non_suppressing_slope: float = parameter(
        2.0, "log odds", "added by every point a month of slope beyond the mean (weight loss: mirtazapine)"
    )


class DepressionProdrome(Section):
    """Depression (F32) that the disease brings about before it is recognised, in specialised care."""

    episodes: float = parameter(0.060, "1", "extra episodes of illness a case", source=ROOS, ge=0, le=3)
    years: float = parameter(
        5.0, "years", "mean time from the first visit of such an episode to the diagnosis", source=ROOS, gt=0, le=20
    )


class Prodrome(Section):
    """Reverse causation: prescribing, and diagnoses, before that of the disease which the disease brings about."""

    anxiolytics: AnxiolyticProdrome = Field(default_factory=AnxiolyticProdrome)
    hypnotics: HypnoticProdrome = Field(default_factory=HypnoticProdrome)
    antidepressants: AntidepressantProdrome = Field(default_factory=AntidepressantProdrome)
    depression: DepressionProdrome = Field(default_factory=DepressionProdrome)
    slope: float = parameter(
        1.4,
        "log rate ratio",
        "of episodes of treatment, for every point a month of slope beyond the mean",
        source=CASE_CONTROL,
        ge=-2,
        le=2,
    )

    def of_class(self, atc: str) -> ClassProdrome:
        """The prodrome of the class with this ATC code: N05B, N05C or N06A."""
        return {"N05B": self.anxiolytics, "N05C": self.hypnotics, "N06A": self.antidepressants}[atc]


class DiseaseSection(Section):
    """Motor neuron disease up to the diagnosis."""

    incidence: Incidence = Field(default_factory=Incidence)
    onset: Onset = Field(default_factory=Onset)
    prodrome: Prodrome = Field(default_factory=Prodrome)
