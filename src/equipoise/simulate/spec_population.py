"""Parameters of the population: births, deaths, migration, families, education, and what relatives share."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from equipoise.simulate.parameters import Section, parameter
from equipoise.spec.values import Day, Wrong

Year = Annotated[int, Field(ge=1800, le=2100)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

_SWEDEN = "Statistics Sweden, population statistics"
_TREND = "period life tables, Statistics Sweden"

BIRTHS = (
    (1850, 104.0), (1890, 133.0), (1908, 138.0), (1920, 138.0), (1933, 85.0), (1945, 135.0), (1955, 107.0),
    (1966, 123.0), (1983, 92.0), (1990, 124.0), (1999, 88.0), (2010, 115.0), (2023, 100.0),
)  # fmt: skip
CHILDREN = (0.20, 0.03, 0.13, 0.25, 0.20, 0.11, 0.08)


class Population(Section):
    """Who lives in the nation, from when to when, and in which families."""

    register_from: Day = parameter(date(2001, 1, 1), "date", "first day of the registers")
    register_to: Day = parameter(date(2023, 12, 31), "date", "last day of the registers")
    births: tuple[tuple[Year, Positive], ...] = parameter(
        BIRTHS,
        "1,000 a year",
        "births by calendar year, straight lines between",
        source=_SWEDEN,
        min_length=2,
    )
    girls: Share = parameter(0.486, "1", "share of girls among births", source=_SWEDEN)

    infant_mortality: Share = parameter(0.0025, "1", "share of newborns who die of causes of infancy", source=_TREND)
    background_mortality: tuple[Share, Share] = parameter(
        (0.00045, 0.0002), "1 a year", "hazard of death at every age, men and women", source=_TREND
    )
    mortality_at_80: tuple[Positive, Positive] = parameter(
        (0.058, 0.039), "1 a year", "further hazard of death at 80 in 2011, men and women", source=_TREND
    )
    mortality_per_year_of_age: Positive = parameter(
        0.108, "log hazard a year", "rise with age", source=_TREND, ge=0.05, le=0.2
    )
    mortality_per_calendar_year: float = parameter(
        -0.016, "log hazard a year", "change with calendar time", source=_TREND, ge=-0.04, le=0.04
    )

    settled_immigrants: Share = parameter(
        0.08, "1", "share of persons who had come from abroad before the registers began", source=_SWEDEN, lt=0.5
    )
    immigrants: Share = parameter(
        0.07, "1", "share of persons who come from abroad while the registers run", source=_SWEDEN, lt=0.5
    )
    age_at_arrival: tuple[Positive, Positive] = parameter(
        (29.0, 14.0), "years", "mean and standard deviation of age at arrival (normal, 0 to 75)"
    )
    age_of_settled: tuple[Positive, Positive] = parameter(
        (44.0, 17.0), "years", "the same of age at the first day of the registers (normal, 1 to 100)"
    )
    emigration: tuple[Share, Share] = parameter(
        (0.002, 0.015), "1 a year", "hazard of emigration, born here and born abroad", source=_SWEDEN
    )
    oldest_emigrant: Positive = parameter(70.0, "years", "age from which nobody emigrates")
    stays_abroad: Share = parameter(0.03, "1", "share of persons with a stay abroad that interrupts observation")
    stay_years: tuple[Positive, Positive] = parameter((0.5, 3.0), "years", "shortest and longest stay (uniform)")

    regions: int = parameter(21, "1", "number of regions, of equal size", source="counties of Sweden", ge=1, le=1000)
    stays_in_region: Share = parameter(0.75, "1", "share of persons who live in their mother's region")
    primary_education: Share = parameter(0.20, "1", "share with primary education only, born 1950", gt=0, lt=1)
    primary_per_decade: float = parameter(-0.45, "log odds a decade of birth", "trend of primary education")
    tertiary_education: Share = parameter(0.32, "1", "share with tertiary education, born 1950", gt=0, lt=1)
    tertiary_per_decade: float = parameter(0.20, "log odds a decade of birth", "trend of tertiary education")
    education_to_income: float = parameter(
        0.5, "standard deviations a level", "rise of income with each level of education", ge=0
    )

    partnered: Share = parameter(0.99, "1", "share of adults who ever have a partner")
    married: Share = parameter(0.99, "1", "share of couples who marry or register their partnership")
    partner_age_gap: tuple[Annotated[float, Field(ge=0, le=10)], Positive] = parameter(
        (2.5, 3.5), "years", "mean and standard deviation of the man's age less the woman's", source=_SWEDEN
    )
    age_at_union: tuple[Positive, Positive] = parameter(
        (24.5, 4.5), "years", "mean and standard deviation of the woman's age when a couple forms (normal, from 17)"
    )
    divorce: Share = parameter(0.40, "1", "share of couples who part if both live on", source=_SWEDEN)
    divorce_years: Positive = parameter(14.0, "years", "mean time until they part (exponential)")
    repartnered: Share = parameter(0.98, "1", "share of the parted who find a second partner")
    children: tuple[Share, ...] = parameter(
        CHILDREN,
        "1",
        "shares of couples who would have 0, 1, 2, … children; places beyond the births of a year stay empty",
        min_length=1,
        max_length=12,
    )
    first_birth_years: Positive = parameter(2.3, "years", "mean time from the union to the first birth (exponential)")
    birth_spacing: Positive = parameter(2.3, "years", "mean time between births beyond the first year (exponential)")
    oldest_mother: Positive = parameter(46.0, "years", "age after which women bear no children")

    familial_share: Share = parameter(
        0.4, "1", "familial share of the variance of vulnerability; full siblings share half of it, half siblings 1/4",
        source="heritability of major depression, Sullivan et al., Am J Psychiatry 2000;157:1552",
    )  # fmt: skip
    gene_frequency: Share = parameter(
        1.6e-4,
        "1",
        "frequency of the dominant ALS gene before enrichment",
        source="sibling recurrence 17 with about a tenth of cases carrying it",
        lt=0.01,
    )

    @model_validator(mode="after")
    def _agree(self) -> "Population":
        if not 0 < (self.register_to - self.register_from).days <= 36_525:
            raise Wrong("register_to does not follow register_from within a century", "a later day")
        years = [year for year, _ in self.births]
        if years != sorted(set(years)):
            raise Wrong("years of births that do not ascend", "each year once, in order")
        if self.settled_immigrants + self.immigrants >= 1:
            raise Wrong("nobody is born in the nation", "settled_immigrants + immigrants below 1")
        if sum(self.children) <= 0:
            raise Wrong("shares of numbers of children that are all 0", "at least one above 0")
        if self.stay_years[0] > self.stay_years[1]:
            raise Wrong("a shortest stay above the longest", "shortest, longest")
        return self
