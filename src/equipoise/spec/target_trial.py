"""The target trial: a protocol of the randomised trial one would like, and how the data emulate it.

Source: Hernán & Robins, American Journal of Epidemiology 2016;183:758; Cashin, Hansford, Hernán, et al. (TARGET),
JAMA 2025;334:1084.
"""

from math import floor
from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.follow_up import FollowUpOutcome, NewUsers
from equipoise.spec.model import Model
from equipoise.spec.trial_estimation import DOUBLY_ROBUST, ENTRY_ONLY, SEQUENTIAL, TrialEstimation
from equipoise.spec.values import MOST_DAYS, Day, Name, Off, SomeDays, Text, WholeDays, Wrong, shown

Interval = Literal["day", "week", "month"]
EVERY = "every strategy"  # what a risk is compared with in tables
DAYS: dict[str, float] = {"day": 1.0, "week": 7.0, "month": 30.4375}
"""Mean length of an interval in days; a month is a twelfth of 365.25 days."""
Intervals = Annotated[int, Field(ge=1, le=10_000)]


def interval_end(interval: Interval, number: int) -> int:
    """Last day, counted from time zero, of the first `number` intervals: 12 months end on day 365.

    >>> interval_end("month", 1), interval_end("month", 12), interval_end("week", 2)
    (30, 365, 14)
    """
    return floor(DAYS[interval] * number)


class EligibilityRule(Model):
    """At least, or at most, so many distinct days with a record of a concept set, in days up to time zero."""

    name: Name
    """Name in the table of attrition."""
    concept_set: Name
    """Which records count."""
    days: tuple[Annotated[int, Field(ge=-MOST_DAYS)], int]
    """First and last day that count, from time zero: [-365, -1] is the year before it, and 0 is time zero itself."""
    at_least: SomeDays | None = None
    """Fewest distinct days with a record."""
    at_most: WholeDays | None = None
    """Most distinct days with a record."""

    @model_validator(mode="after")
    def _known_at_time_zero(self) -> "EligibilityRule":
        first, last = self.days
        if last > 0:
            raise Wrong(
                f"days = [{first}, {last}] looks into the future",
                "days up to time zero, which is 0",
                "who is eligible must be known at time zero; whoever lives to show it later is immortal until then",
            )
        if first > last:
            raise Wrong(f"days = [{first}, {last}]", "the earlier day first")
        if self.at_least is None and self.at_most is None:
            raise Wrong("neither at_least nor at_most", "one of them, or both", "write at_most = 0, say")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise Wrong(f"at_least = {self.at_least} is above at_most = {self.at_most}", "at_least not above at_most")
        return self


class TreatmentStrategy(Model):
    """What a person would do from time zero on.

    Without `when` and with `within = 1` it is decided in the first interval; with a larger `within` there is a grace
    period; with `when` it depends on what happens to the person (a dynamic strategy).
    """

    name: Name
    """Name in tables."""
    label: Text | None = None
    """Name in the report."""
    start: Off[Name]
    """The exposure to start; `none` starts none of those that other strategies name."""
    within: Intervals = 1
    """Intervals, from time zero or from the condition on, in which it is started, or (`none`) nothing is."""
    sustained: bool = False
    """Whether it is kept until the end; else anything may follow once it was started, or `within` is over."""
    when: Name | None = None
    """A covariate of `time_varying` with the levels no and yes: treatment starts after it turns yes, not before."""

    @model_validator(mode="after")
    def _conditions_start_treatment(self) -> "TreatmentStrategy":
        if self.start is None and self.when is not None:
            raise Wrong('start = "none" with when', "a condition that starts an exposure", "remove one of the two")
        return self


Order = Literal["events_first", "treatment_first"]


class Supply(Model):
    """How long a dispensing lasts, where treatment is followed by supply."""

    supply_days: SomeDays = 30
    """Days that a dispensing lasts where the database does not say."""
    grace_days: WholeDays = 30
    """Days after the last supply that still count as treated."""


class TargetTrial(Model):
    """Strategies compared among persons who are eligible, alike at time zero, from then on.

    Interval k, from 0, holds the days after the end of the one before up to its own end; dispensings of time zero
    belong to interval 0, events of time zero make a person not eligible. In an interval a person may be lost, then meet
    a competing event, then the outcome; treatment is decided before all of them or after (`order`). Covariates are read
    at the beginning of each interval from records before its first day.
    """

    kind: Literal["target_trial"]
    """A target trial."""
    population: Name
    """The cohort that is eligible; the first entry of each person counts."""
    eligibility: tuple[EligibilityRule, ...] = ()
    """Further rules, judged at time zero of each trial."""
    new_users: Off[NewUsers] = NewUsers()
    """Days before time zero without the drugs of any strategy; `none` lets prevalent users in."""
    time_zero: Literal["entry", "every_interval"] = "entry"
    """One trial from entry on, or a trial at the beginning of every interval in which a person is eligible."""
    delay_days: WholeDays = 0
    """Days from entry to time zero; 1 lets what is recorded on the day of entry be known at time zero."""
    last_start: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """The last interval after entry, from 0, in which a trial starts; with time_zero = "every_interval", only."""
    interval: Interval = "month"
    """Length of intervals: a day, 7 days, or a twelfth of 365.25 days."""
    follow_up: Intervals
    """Intervals that each trial lasts."""
    last_day: Day | None = None
    """Last calendar day of the study."""
    strategies: Annotated[tuple[TreatmentStrategy, ...], Field(min_length=2)]
    """What is compared; each is compared with every one before it."""
    assignment: Text = "At random at time zero; persons and their physicians know the strategy."
    """How the target trial would assign strategies."""
    treatment: Literal["initiation", "supply"] = "initiation"
    """Who has started stays treated, or is treated as long as the supply of the last dispensing lasts."""
    supply: Supply = Supply()
    """How long a dispensing lasts; with treatment = "supply"."""
    order: Order | None = None
    """Within an interval: `events_first`, treatment is decided by those who are still there at its end, so that a death
    in the grace period counts for every strategy still followed; `treatment_first`, it is decided at its beginning,
    and who dies before a start in the last interval of the grace period had not started. Where left out, events come
    first in trials from entry with treatment by initiation, unless sequential trials are among the methods, whose arms
    are what is done in a trial's first interval."""
    outcome: FollowUpOutcome
    """The event, and events that compete with it."""
    competing_effect: Literal["total", "direct", "composite"] = "total"
    """Risks in the world with competing events, in one where they are prevented, or of either event."""
    contrast: Literal["as_assigned", "per_protocol", "as_treated"] = "per_protocol"
    """The causal contrast."""
    time_varying: tuple[Name, ...] = ()
    """Covariates read anew at the beginning of every interval, in the order in which one acts on the next."""
    assumptions: tuple[Text, ...] = (
        "No unmeasured confounding: given the covariates, treatment in an interval is as if drawn at random.",
        "Positivity: whoever is followed can do what the strategy asks for, whatever the covariates.",
        "Consistency: the outcome under what a person did is that under the strategy.",
        "Those lost are like those who stay, given the covariates.",
    )
    """The assumptions under which the estimate is the effect, in words."""
    estimation: TrialEstimation = TrialEstimation()
    """How it is estimated."""

    @model_validator(mode="after")
    def _elements_agree(self) -> "TargetTrial":
        self._time_agrees()
        self._strategies_agree()
        self._methods_agree()
        return self

    @property
    def events_first(self) -> bool:
        """Whether, within an interval, events come before treatment."""
        if self.order is not None:
            return self.order == "events_first"
        once = self.time_zero == "entry" and SEQUENTIAL not in self.estimation.methods
        return once and self.treatment == "initiation"

    @property
    def exposures(self) -> tuple[str, ...]:
        """Exposures that strategies start, in the order in which they are first named."""
        return tuple(dict.fromkeys(strategy.start for strategy in self.strategies if strategy.start is not None))

    @property
    def days(self) -> int:
        """Days that each trial lasts."""
        return interval_end(self.interval, self.follow_up)

    @property
    def time_points(self) -> tuple[int, ...]:
        """Numbers of intervals at whose ends risks are given; the last where the study names none."""
        return self.estimation.time_points or (self.follow_up,)

    def _time_agrees(self) -> None:
        every = self.time_zero == "every_interval"
        if every != (self.last_start is not None):
            found = f'time_zero = "{self.time_zero}" {"without" if every else "with"} last_start'
            raise Wrong(found, 'last_start with time_zero = "every_interval", and only with it')
        if self.events_first and min(self.follow_up, *self.time_points) < 2:
            found = "follow_up or a time point of 1 where events come before treatment"
            raise Wrong(found, "2 intervals or more", "take shorter intervals: in the first, all strategies are alike")
        if every and self.order == "events_first":
            found = 'order = "events_first" with time_zero = "every_interval"'
            raise Wrong(found, 'order = "treatment_first", or one trial from entry', "choose short intervals")
        if every and self.treatment == "initiation":
            found = 'treatment = "initiation" with time_zero = "every_interval"'
            remedy = "who started once would count as treated in all later trials"
            raise Wrong(found, 'treatment = "supply" with time_zero = "every_interval"', remedy)
        for strategy in self.strategies:
            if strategy.within > self.follow_up:
                found = f"strategy {shown(strategy.name)}: within = {strategy.within}, a grace period"
                found += f" longer than follow_up = {self.follow_up} intervals"
                raise Wrong(found, f"within up to {self.follow_up}")
        for point in self.estimation.time_points:
            if point > self.follow_up:
                raise Wrong(f"time point {point} beyond follow_up = {self.follow_up}", f"up to {self.follow_up}")

    def _strategies_agree(self) -> None:
        names = [strategy.name for strategy in self.strategies]
        for name in names:
            if name == EVERY:
                raise Wrong(f"a strategy named {shown(name)}", "another name", "tables use these words themselves")
            if names.count(name) > 1:
                raise Wrong(f"two strategies named {shown(name)}", "each name once")
        if not self.exposures:
            raise Wrong("no strategy starts an exposure", "at least one that does")
        if self.treatment == "initiation" and any(s.sustained and s.start is not None for s in self.strategies):
            found = 'sustained = true with treatment = "initiation"'
            remedy = "by initiation, whoever has started never stops"
            raise Wrong(found, 'treatment = "supply" with sustained strategies', remedy)
        for k, first in enumerate(self.strategies):
            for second in self.strategies[k + 1 :]:
                if overlap := _overlap(first, second):
                    found = f"strategies {shown(first.name)} and {shown(second.name)} overlap: {overlap}"
                    raise Wrong(found, "strategies of which nobody can follow two to the end")

    def _methods_agree(self) -> None:
        methods = self.estimation.methods
        if SEQUENTIAL in methods:
            if self.events_first:
                found = f'order = "events_first" with method {SEQUENTIAL!r}, whose arms begin with their treatment'
                raise Wrong(
                    found, 'order = "treatment_first"', "take short intervals: a death in the first is untreated"
                )
            slow = [s.name for s in self.strategies if s.within > 1 or s.when is not None]
            if slow:
                found = f"method {SEQUENTIAL!r} with strategy {shown(slow[0])}, which may start later"
                raise Wrong(found, "strategies with within = 1 and without when", "use clone_censor_weight")
            if self.strategies[0].start is not None or len(self.exposures) + 1 != len(self.strategies):
                raise Wrong(
                    f"method {SEQUENTIAL!r} with other strategies than none and one for each exposure",
                    'first a strategy with start = "none", then one for each exposure',
                )
            if self.contrast == "per_protocol" and not all(s.sustained for s in self.strategies):
                found = f"method {SEQUENTIAL!r}, per protocol, with strategies that are not sustained"
                raise Wrong(found, 'sustained = true, or contrast = "as_assigned"')
        elif self.contrast == "as_treated":
            raise Wrong(f'contrast = "as_treated" without method {SEQUENTIAL!r}', f"methods = [{SEQUENTIAL!r}]")
        if DOUBLY_ROBUST in methods and self.competing_effect == "direct" and self.outcome.competing:
            found = f'method {DOUBLY_ROBUST!r} with competing_effect = "direct"'
            raise Wrong(found, 'competing_effect = "total" or "composite", or another method')
        several = [method for method in methods if method in ENTRY_ONLY]
        if several and self.time_zero == "every_interval":
            found = f'method {several[0]!r} with time_zero = "every_interval"'
            raise Wrong(found, 'time_zero = "entry", or another method')


def _overlap(first: TreatmentStrategy, second: TreatmentStrategy) -> str | None:
    """Why one person could follow both strategies to the end, None where nobody can."""
    if first.start == second.start and first.when == second.when:
        if first.start is None:
            return "both start nothing"
        return f"both start {shown(first.start)}, and who does so early follows both"
    none, other = (first, second) if first.start is None else (second, first)
    if none.start is None and not none.sustained and other.when is None and other.within > none.within:
        return f"nothing is asked of {shown(none.name)} after {none.within} intervals, when the other may still start"
    return None
