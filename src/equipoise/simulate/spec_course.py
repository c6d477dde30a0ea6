"""Parameters of the course of motor neuron disease, from the first symptom to death."""

from pydantic import Field

from equipoise.simulate.parameters import Section, parameter

REGISTERS = "ALSFRS-R in 7 population registers (7,030 patients)"
ROOS = "Roos et al. 2016 (antidepressants in the year after ALS: hazard ratio 16.1)"


class Death(Section):
    """Hazard of respiratory failure a month: the exponential of the sum of these terms."""

    baseline: float = parameter(
        -5.39, "log hazard a month", "having lost eleven points of ALSFRS-R, age 65, spinal onset"
    )
    lost_function: float = parameter(
        2.03, "log hazard ratio", "for every doubling of the points of ALSFRS-R lost, plus one", source=REGISTERS
    )
    slope: float = parameter(
        -0.68, "log hazard ratio", "for every point a month of loss beyond the mean, given the function lost by then"
    )
    age: float = parameter(0.061, "log hazard ratio", "for every year of age beyond 65", source="HR 1.04 a year")
    bulbar: float = parameter(0.58, "log hazard ratio", "bulbar against spinal onset", source="HR about 1.7 in all")
    lost_capacity: float = parameter(
        0.06, "log hazard ratio", "for every ten points of vital capacity lost, unless ventilated"
    )
    niv: float = parameter(
        -0.55, "log hazard ratio", "on non-invasive ventilation, spinal onset", source="NIV trial: +205 days"
    )
    vulnerability: float = parameter(0.96, "log hazard ratio", "for every standard deviation of vulnerability")
    mean_slope: float = parameter(
        0.89, "points a month", "slope at which the hazard ratio of the slope is 1", source=REGISTERS
    )


class Ventilation(Section):
    """Respiratory support."""

    invasive_share: float = parameter(0.04, "1", "of those in respiratory failure, ventilated invasively", ge=0, le=1)
    invasive_months: float = parameter(20.0, "months", "mean survival with invasive ventilation", gt=0)
    niv_capacity: float = parameter(70.0, "% of predicted", "vital capacity below which NIV begins", ge=0, le=100)
    niv_rate: float = parameter(0.14, "1 a month", "chance to begin NIV below it", ge=0, le=1)
    capacity_ratio: float = parameter(1.9, "1", "points of vital capacity lost for each point of ALSFRS-R", gt=0)
    capacity_spread: float = parameter(0.45, "log SD", "of that ratio between persons", ge=0)


class Symptoms(Section):
    """Weight loss, sialorrhoea and gastrostomy, which choose drugs."""

    weight_loss_at: float = parameter(18.0, "points", "loss of ALSFRS-R at which half of the spinal cases lose weight")
    bulbar_shift: float = parameter(9.0, "points", "earlier in bulbar cases")
    spread: float = parameter(6.0, "points", "scale of the logistic curve", gt=0)
    gastrostomy_rate: float = parameter(0.05, "1 a month", "of those who lose weight", ge=0, le=1)


class Distress(Section):
    """Distress after the diagnosis and the antidepressants it leads to."""

    rate: float = parameter(0.008, "1 a month", "chance to begin an antidepressant at mean distress", source=ROOS, ge=0)
    first_months: float = parameter(2.5, "1", "times that chance in the half-year after the diagnosis", ge=0)
    slope: float = parameter(0.35, "log odds", "of beginning, for every point a month of loss beyond the mean")
    lost_function: float = parameter(0.10, "log odds", "of beginning, for every ten points lost")
    vulnerability: float = parameter(0.50, "log odds", "of beginning, for every standard deviation of vulnerability")
    stopping: float = parameter(0.030, "1 a month", "chance to stop", ge=0, le=1)
    stopping_lost_function: float = parameter(0.15, "log odds", "of stopping, for every ten points lost")
    other_rate: float = parameter(0.015, "1 a month", "chance to begin an anxiolytic, same for a hypnotic", ge=0)
    other_dispensings: float = parameter(4.0, "1", "mean number of dispensings of these", ge=1)


class Choice(Section):
    """Which antidepressant is begun after the diagnosis."""

    non_suppressing: float = parameter(-3.0, "log odds", "of a drug that does not suppress REM sleep, no weight loss")
    weight_loss: float = parameter(1.4, "log odds", "added by weight loss (mirtazapine)")
    slope: float = parameter(0.55, "log odds", "added by every point a month of loss beyond the mean")
    amitriptyline: float = parameter(-2.5, "log odds", "of amitriptyline among suppressing drugs, no sialorrhoea")
    sialorrhoea: float = parameter(2.0, "log odds", "added by sialorrhoea")


class Care(Section):
    """Riluzole, visits and the quality register."""

    riluzole_share: float = parameter(
        0.75, "1", "of diagnosed persons of 65 with the mean slope who begin riluzole", gt=0, lt=1
    )
    riluzole_age: float = parameter(-0.05, "log odds", "of beginning riluzole, for every year of age beyond 65")
    riluzole_slope: float = parameter(
        -1.9, "log odds", "of beginning riluzole, for every point a month of loss beyond the mean"
    )
    riluzole_delay: float = parameter(30.0, "days", "median from the diagnosis to the first dispensing", gt=0)
    riluzole_stopping: float = parameter(0.02, "1 a month", "chance to stop riluzole", ge=0, le=1)
    visit_days: float = parameter(84.0, "days", "between visits", source="visits about every 12 weeks", gt=0)
    visit_spread: float = parameter(14.0, "days", "standard deviation of a visit's day", ge=0)
    score_error: float = parameter(1.3, "points", "standard deviation of a measured ALSFRS-R around the true one", ge=0)
    dropout: float = parameter(0.02, "1 a visit", "chance never to come again, at full function", ge=0, le=1)
    dropout_lost_function: float = parameter(0.60, "log odds", "of dropping out, for every ten points lost")
    registry_from: int = parameter(2015, "year", "the quality register takes patients from this year on")
    registry_inclusion: float = parameter(
        0.469,
        "1",
        "of diagnosed ALS, in the quality register",
        source="1,057 cases in 2015-01 to 2023-06 of 64.3 million person-years (10 million persons ever observed)"
        " at 3.50 ALS per 100,000: 2,252 diagnosed",
        gt=0,
        lt=1,
    )
    registry_survival: float = parameter(0.0, "log odds", "of inclusion, for every doubling of later survival")


class CourseSection(Section):
    """The course of the disease."""

    months: int = parameter(300, "months", "after onset for which the course is drawn", ge=12, le=600)
    death: Death = Field(default=Death(), description="respiratory failure")
    ventilation: Ventilation = Field(default=Ventilation(), description="respiratory support")
    symptoms: Symptoms = Field(default=Symptoms(), description="symptoms that choose drugs")
    distress: Distress = Field(default=Distress(), description="distress and the drugs it leads to")
    choice: Choice = Field(default=Choice(), description="choice of the antidepressant")
    care: Care = Field(default=Care(), description="care and quality register")
