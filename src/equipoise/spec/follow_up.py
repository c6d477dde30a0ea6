"""The follow-up design: persons followed from a time zero, compared by what they used, element by element.

Prognosis after a diagnosis, active comparators and (with strategies in place of use) target trials are the same design
with other elements, so that any two of them can be compared, and changed into one another, one element at a time.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from equipoise.spec.function import Function
from equipoise.spec.model import Model
from equipoise.spec.score import Score
from equipoise.spec.values import Day, Name, Off, SomeDays, WholeDays, Wrong, shown

DEATH = "death"  # reserved: death itself, whatever its cause
RiskAnchor = Literal["time_zero", "end_of_exposure"]
EXPOSURE_END: RiskAnchor = "end_of_exposure"


class NewUsers(Model):
    """Only persons without the drugs of either arm in the days before time zero, or before the window of use."""

    washout_days: SomeDays = 365
    """Days under observation without a dispensing of either arm, up to the day before time zero (first use), or up to
    the day before the window begins (entry)."""


class FollowUpOutcome(Model):
    """What ends follow-up as an event: the first of several; competing events end it as another cause.

    Only first records count: a person with any of them on or before time zero is left out. Of an event and a competing
    event on the same day, the event counts.
    """

    any_of: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Concept sets, or `death`: the first of them is the event."""
    competing: tuple[Name, ...] = ()
    """Concept sets, or `death`, that end follow-up as competing events."""

    @model_validator(mode="after")
    def _apart(self) -> "FollowUpOutcome":
        both = sorted(set(self.any_of) & set(self.competing))
        if both:
            raise Wrong(f"{shown(both[0])} both in any_of and in competing", "each event in one of them")
        return self


class TimeAtRisk(Model):
    """The stretch in which events count: (start, stop] in days from time zero, or from the end of use."""

    start_anchor: RiskAnchor = "time_zero"
    """Where time begins to count: time zero, or the last day supplied of the arm's drug (end_of_exposure; `grace_days`
    and `supply_days` of `censoring` say when use ends). Times of estimates and curves are days from there."""
    starts_day: WholeDays = 0
    """Persons who left or had an event up to this day are not followed; 0 counts from the day after the anchor."""
    end_anchor: RiskAnchor | None = None
    """What `days` are counted from; the anchor of the start where this is left out."""
    days: Off[WholeDays] = None
    """Last day after that anchor that counts; `none` follows to the end of observation."""
    minimum_days: WholeDays = 0
    """Fewest days a person must be under observation after the anchor of the start, events apart."""
    delayed_entry: Off[Name] = None
    """Concept set whose first record brings a person under follow-up, as on inclusion in a register some time after the
    diagnosis (left truncation): time counts from time zero, and a person is at risk from the day after that record on.
    Persons without it, or whose follow-up has ended by then, are left out. `none`: everybody from the start."""

    @model_validator(mode="after")
    def _some_time(self) -> "TimeAtRisk":
        if self.clock_days is not None and self.clock_days <= self.starts_day:
            raise Wrong(f"days = {self.days} with starts_day = {self.starts_day}", "days above starts_day")
        if self.end_anchor is not None and self.days is None:
            raise Wrong(f"end_anchor = {shown(self.end_anchor)} without days", "days with it, such as 0 or 30")
        if self.start_anchor == EXPOSURE_END and self.end_anchor == "time_zero" and (self.days or 0) <= self.starts_day:
            found = f"days = {self.days} from time zero with starts_day = {self.starts_day} after the end of exposure"
            raise Wrong(found, "days above starts_day", "use never ends before time zero: nobody would be followed")
        if self.start_anchor == EXPOSURE_END and self.delayed_entry is not None:
            remedy = "use ends on a day of each person's own, on which everybody at risk is seen already"
            raise Wrong(f"delayed_entry with start_anchor = {shown(EXPOSURE_END)}", "one of the two", remedy)
        return self

    @property
    def counts_to(self) -> RiskAnchor:
        """What `days` are counted from."""
        return self.end_anchor or self.start_anchor

    @property
    def clock_days(self) -> int | None:
        """The last day of follow-up on the clock of the estimates; None where persons have last days of their own."""
        return self.days if self.counts_to == self.start_anchor else None

    @property
    def by_use(self) -> bool:
        """Whether time at risk begins or ends with use."""
        return EXPOSURE_END in (self.start_anchor, self.counts_to)


class Censoring(Model):
    """What ends follow-up without an event. Observation's end always does; an event on the last day counts."""

    at_stop: bool = False
    """End of the arm's drug: the last day supplied and `grace_days` more (as treated); else persons keep their arm."""
    grace_days: WholeDays = 30
    """Days between supplies that do not end use, and days after the last supply that still count."""
    after_stop_days: WholeDays | None = None
    """With `at_stop`: days after the last supply that still count; `grace_days` where this is left out."""
    supply_days: SomeDays = 30
    """Days that a dispensing lasts where the database does not say."""
    at_switch: bool = False
    """First dispensing of the other arm's drug after time zero."""
    at_exit: bool = False
    """End of membership of the population, where its `exit` comes before the end of observation."""
    last_day: Day | None = None
    """Last calendar day of the study."""

    @model_validator(mode="after")
    def _after_a_stop(self) -> "Censoring":
        if self.after_stop_days is not None and not self.at_stop:
            raise Wrong(f"after_stop_days = {self.after_stop_days} without at_stop", "at_stop = true with it")
        return self


class NoAdjustment(Model):
    """Crude estimates only."""

    kind: Literal["none"]
    """No adjustment."""


class Regression(Model):
    """Covariates of `adjust_for` in the outcome model."""

    kind: Literal["regression"]
    """Covariates in the outcome model."""


class PropensityScore(Model):
    """How the propensity score is estimated from the covariates of `adjust_for` and those found in the database."""

    penalty: Literal["none", "lasso"] = "none"
    """Logistic regression by maximum likelihood, or with an L1 penalty chosen by cross-validation."""
    covariate_set: Name | None = None
    """A set of everything recorded that enters the score beside the covariates of `adjust_for`; with the lasso."""
    trim_equipoise: tuple[float, float] | None = None
    """Preference scores kept, such as [0.3, 0.7]; all where this is left out."""
    trim_bounds: tuple[float, float] | None = None
    """Propensity scores kept, such as [0.1, 0.9] (Crump et al. 2009); all where this is left out."""
    trim_fraction: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """Share cut off at each arm's far end, such as 0.05: scores below that quantile of the target arm and above the one
    as far from the top of the reference arm (Stürmer et al. 2010); none where this is left out."""

    @model_validator(mode="after")
    def _limits_of_scores(self) -> "PropensityScore":
        for limits in (self.trim_equipoise, self.trim_bounds):
            if limits is not None and not 0 <= limits[0] < limits[1] <= 1:
                raise Wrong(f"[{limits[0]:g}, {limits[1]:g}]", "two numbers from 0 to 1, the smaller first")
        if len(self.trimming) > 1:
            rules = " and ".join(f"trim_{rule}" for rule in self.trimming)
            raise Wrong(rules, "one of trim_equipoise, trim_bounds and trim_fraction")
        if self.covariate_set is not None and self.penalty == "none":
            found = f"covariate_set {shown(self.covariate_set)} without a penalty"
            remedy = "a set can hold more covariates than there are persons"
            raise Wrong(found, 'penalty = "lasso" with a covariate_set', remedy)
        return self

    @property
    def trimming(self) -> dict[str, Any]:
        """The rule of trimming with its limits, empty where nobody is left out."""
        rules = {"equipoise": self.trim_equipoise, "bounds": self.trim_bounds, "fraction": self.trim_fraction}
        return {name: given for name, given in rules.items() if given is not None}


PRESETS: dict[str, dict[str, Any]] = {
    "network-tool": {"ratio": 1, "caliper": 0.1, "caliper_scale": "logit", "caliper_sd": "pooled", "order": "random"}
}
"""Settings of matching under one name. network-tool: what the web tool of a large research network does. Its makers
document 1:1 greedy nearest neighbour matching without replacement, 0.1 SD and cohorts shuffled before; that the SD is
the pooled one of the logit is assumed."""


class Match(PropensityScore):
    """Matching on the propensity score: greedy, nearest neighbour."""

    kind: Literal["match"]
    """Matching on the propensity score."""
    preset: Literal["network-tool"] | None = None
    """Settings of a tool under one name, which no other key then changes. network-tool: ratio 1, caliper 0.1 pooled SD
    of the logit, random order; assumed, and labelled so in the report."""
    ratio: Annotated[int, Field(ge=1, le=100)] = 1
    """Partners for each person who seeks them, at most."""
    caliper: Off[Annotated[float, Field(gt=0)]] = 0.2
    """Largest distance within a matched set; `none` sets no limit."""
    caliper_scale: Literal["ps", "logit", "preference"] = "logit"
    """Scale of the distance."""
    caliper_sd: Off[Literal["overall", "pooled"]] = "overall"
    """Standard deviation the caliper counts in; `none` takes it in units of the scale."""
    estimand: Literal["ATT", "ATC"] = "ATT"
    """Who seeks partners, and whom the matched persons stand for: the target arm, or the reference arm."""
    order: Literal["largest", "smallest", "closest", "data", "random"] | None = None
    """Whom partners are sought for first; largest for ATT and smallest for ATC where this is left out."""

    @model_validator(mode="before")
    @classmethod
    def _settings_of_preset(cls, given: Any) -> Any:
        settings = PRESETS.get(given.get("preset") or "") if isinstance(given, dict) else None
        if settings is None:
            return given
        other = [key for key, value in settings.items() if key in given and given[key] != value]
        if other:
            found = f"{other[0]} = {shown(given[other[0]])} with preset {shown(given['preset'])}"
            raise Wrong(found, f"{other[0]} = {shown(settings[other[0]])}, or no preset", "leave one of the two out")
        return settings | given


class Weigh(PropensityScore):
    """Weighting by the propensity score."""

    kind: Literal["weigh"]
    """Weighting by the propensity score."""
    estimand: Literal["ATE", "ATT", "ATC", "overlap", "matching"] = "ATE"
    """Whom the weighted persons stand for."""
    stabilised: bool = False
    """ATE: weights of each arm that add to about its size."""
    truncate: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    """Quantile above which weights are lowered to it, and the one as far from the other end below which raised."""

    @model_validator(mode="after")
    def _stabilised_for_everybody(self) -> "Weigh":
        if self.stabilised and self.estimand != "ATE":
            raise Wrong(f"stabilised weights for {self.estimand}", 'stabilised weights for estimand = "ATE"')
        return self


class Stratify(PropensityScore):
    """Strata of the propensity score."""

    kind: Literal["stratify"]
    """Strata of the propensity score."""
    strata: Annotated[int, Field(ge=2, le=100)] = 5
    """How many."""


Adjustment = Annotated[NoAdjustment | Regression | Match | Weigh | Stratify, Field(discriminator="kind")]
Quantity = Literal["cox", "survival", "rmst", "logrank", "cumulative_incidence", "fine_gray", "poisson", "logistic"]


class LikelihoodProfile(Model):
    """Grid of hazard ratios at which the likelihood is given, others maximised over, for pooling with other sites."""

    lowest: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Smallest hazard ratio of the grid."""
    highest: Annotated[float, Field(gt=1)] = 10
    """Largest hazard ratio of the grid."""
    points: Annotated[int, Field(ge=11, le=2001)] = 101
    """Points of the grid, equally far apart as logarithms."""


class Bootstrap(Model):
    """Intervals of risks, restricted means and their contrasts from persons drawn with replacement.

    The propensity score is estimated anew in each draw. The study's `seed` fixes the draws.
    """

    replicates: Annotated[int, Field(ge=100, le=10_000)] = 1000
    """Draws."""


class Estimator(Model):
    """What is estimated, and how."""

    kinds: Annotated[tuple[Quantity, ...], Field(min_length=1)] = ("cox", "survival")
    """Hazard ratio (cox), risks at time points and their contrasts (survival), restricted mean survival (rmst),
    log-rank test, rates of both arms and their ratio (poisson), odds ratio of the outcome during follow-up (logistic),
    and with competing events cumulative incidence and subdistribution hazard ratio (fine_gray)."""
    time_points_days: tuple[SomeDays, ...] = ()
    """Days after time zero at which risks and restricted means are given; the last day of follow-up where left out."""
    ties: Literal["efron", "breslow", "exact"] = "efron"
    """Likelihood of tied events."""
    likelihood_profile: LikelihoodProfile | None = None
    """Profile of the likelihood of the hazard ratio (cox); none where this is left out."""
    bootstrap: Bootstrap | None = None
    """Intervals of survival and rmst by the bootstrap; the estimators' own where this is left out."""


class FollowUpDesign(Model):
    """Persons of a cohort followed from time zero, users of each target against a comparator."""

    kind: Literal["follow_up"]
    """A follow-up study."""
    population: Name
    """The cohort followed, or in which users are found."""
    time_zero: Literal["entry", "first_use"] = "entry"
    """The day of entering the population, or the day a drug of either arm is first dispensed while a member of it."""
    new_users: Off[NewUsers] = None
    """Washout of both arms' drugs before time zero; `none` lets prevalent users in."""
    target: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Exposures, each compared by itself with the comparator."""
    comparator: Off[Name] = None
    """The exposure of the other arm; `none` is persons without use of the target."""
    timing: Literal["fixed", "time_varying"] = "fixed"
    """Arms at time zero, or use that may begin after it: a person without use is exposed from the day after becoming a
    user, and stays so. Never as if use that began later had been there from time zero."""
    window: Name | None = None
    """Window before time zero in which use puts a person in an arm; with time_zero = "entry", and only with it."""
    use: Literal["dispensed", "ongoing"] = "dispensed"
    """What makes a user on entry: dispensings in the window; or, without a window, use that goes on at time zero, by
    the supply of dispensings up to that day (`supply_days` and `grace_days` of `censoring`)."""
    common_period: bool = False
    """Only persons whose time zero lies between the first and the last day on which both arms have a time zero: the
    years in which both drugs were on the market."""
    lag_days: WholeDays = 0
    """Days before time zero whose dispensings do not count as use; with time_zero = "entry"."""
    both: Literal["exclude", "first", "target"] = "exclude"
    """Persons with use of both arms at time zero: left out, in the arm of the drug used first, or in the target arm."""
    below_minimum: Literal["reference", "exclude"] = "reference"
    """With comparator = "none": persons with fewer dispensings of the target than make a user are in the reference arm,
    or left out, so that it holds never-users alone."""
    outcome: FollowUpOutcome
    """The event, and events that compete with it."""
    follow_up: TimeAtRisk = TimeAtRisk()
    """When events count."""
    censoring: Censoring = Censoring()
    """What ends follow-up without an event."""
    adjustment: Adjustment = Regression(kind="regression")
    """How arms are made comparable."""
    estimator: Estimator = Estimator()
    """What is estimated."""
    score: Off[Score] = None
    """A graded score of the drugs used as a dose beside the arms; hazard ratios per point and by category."""
    function: Off[Function] = None
    """Function after time zero (ALSFRS-R): trajectories, stages, ranks, joint model."""

    def _ongoing(self) -> None:
        """Use on the day of entry has neither a window nor a washout before it."""
        refused = {
            f"time_zero = {shown(self.time_zero)}": self.time_zero != "entry",
            f"window = {shown(self.window)}": self.window is not None,
            f"lag_days = {self.lag_days}": self.lag_days > 0,
            "new_users": self.new_users is not None,
            'both = "first"': self.both == "first",
            f"timing = {shown(self.timing)}": self.timing != "fixed",
        }
        found = next((words for words, wrong in refused.items() if wrong), None)
        if found is not None:
            allowed = 'entry as time zero, without window, lag and washout; both = "exclude" or "target"'
            raise Wrong(f'{found} with use = "ongoing"', allowed, "use that goes on at entry began before it")

    @model_validator(mode="after")
    def _elements_agree(self) -> "FollowUpDesign":
        at_entry = self.time_zero == "entry"
        if self.use == "ongoing":
            self._ongoing()
        elif at_entry != (self.window is not None):
            raise Wrong(
                f'time_zero = "{self.time_zero}" {"without" if at_entry else "with"} window',
                'a window with time_zero = "entry", and only with it',
                "use before entry needs a window; first use is its own time zero",
            )
        if not at_entry and self.comparator is None:
            raise Wrong(
                'time_zero = "first_use" with comparator = "none"',
                "an exposure as comparator",
                "non-users have no first use; name an active comparator or start at entry",
            )
        if not at_entry and self.lag_days:
            found = f'lag_days = {self.lag_days} with time_zero = "first_use"'
            raise Wrong(found, 'lag_days with time_zero = "entry"')
        if self.below_minimum == "exclude" and self.comparator is not None:
            found = f'below_minimum = "exclude" with comparator {shown(self.comparator)}'
            raise Wrong(found, 'below_minimum = "exclude" with comparator = "none"')
        if self.comparator in self.target:
            raise Wrong(f"comparator {shown(self.comparator)} is a target too", "two different exposures")
        if self.common_period and self.comparator is None:
            remedy = "no use has no years on the market"
            raise Wrong('common_period with comparator = "none"', "an exposure as comparator", remedy)
        if self.score is not None and self.timing != "fixed":
            raise Wrong(f"a score with timing = {shown(self.timing)}", 'timing = "fixed"', "use is scored at time zero")
        self._estimators_agree()
        if self.follow_up.by_use:
            self._use_ends()
        if self.timing == "time_varying":
            self._varies_in_time()
        return self

    def _use_ends(self) -> None:
        """An end of exposure that everybody has: use that goes on at time zero, in both arms."""
        refused = {
            'comparator = "none"': self.comparator is None,
            f"window = {shown(self.window)}": self.window is not None,
            f"timing = {shown(self.timing)}": self.timing != "fixed",
            "censoring.at_stop": self.censoring.at_stop,
            "function": self.function is not None,
        }
        found = next((words for words, wrong in refused.items() if wrong), None)
        if found is not None:
            raise Wrong(
                f"{found} with time at risk from or to the end of exposure",
                'time_zero = "first_use" or use = "ongoing", with a comparator, without at_stop and function',
                "everybody must be on a drug at time zero, so that there is an end of use to count from",
            )

    def _varies_in_time(self) -> None:
        """Use that begins after time zero has neither arms at time zero nor a curve of each."""
        stops = self.censoring.at_stop or self.censoring.at_switch
        other = sorted(set(self.estimator.kinds) - {"cox", "poisson"})
        refused = {
            f"time_zero = {shown(self.time_zero)}": self.time_zero != "entry",
            f"comparator = {shown(self.comparator)}": self.comparator is not None,
            "new_users": self.new_users is not None,
            "censoring at_stop or at_switch": stops,
            f"use = {shown(self.use)}": self.use != "dispensed",
            f"below_minimum = {shown(self.below_minimum)}": self.below_minimum != "reference",
            "a score": self.score is not None,
            f"adjustment of kind {shown(self.adjustment.kind)}": self.adjustment.kind not in ("none", "regression"),
            f"estimator.kinds with {shown(other[0] if other else '')}": bool(other),
        }
        found = next((words for words, wrong in refused.items() if wrong), None)
        if found is not None:
            raise Wrong(
                f'{found} with timing = "time_varying"',
                "users against no use from entry on, without a washout; cox and poisson; adjustment by regression",
                "use that begins during follow-up has no arms at time zero, and no curve of each",
            )

    def _estimators_agree(self) -> None:
        kinds: set[str] = set(self.estimator.kinds)
        needs = sorted({"cumulative_incidence", "fine_gray"} & kinds)
        if needs and not self.outcome.competing:
            raise Wrong(f"{needs[0]} without competing events", "outcome.competing with at least one event")
        if self.estimator.likelihood_profile is not None and "cox" not in kinds:
            raise Wrong("likelihood_profile without cox", "estimator.kinds with cox")
        if self.estimator.bootstrap is not None:
            self._may_be_drawn(kinds)
        if "logistic" in kinds and self.follow_up.clock_days is None:
            raise Wrong(
                "logistic with follow-up without an end", "follow_up.days", "an odds needs a stretch of time of its own"
            )
        counted = sorted({"logistic", "poisson"} & kinds)
        if counted and self.adjustment.kind == "stratify":
            allowed = "cox, survival and rmst with adjustment of kind 'stratify'"
            raise Wrong(f"{counted[0]} with adjustment of kind 'stratify'", allowed)
        blind = sorted({"survival", "rmst"} & kinds)
        if blind and self.outcome.competing:
            raise Wrong(
                f"{blind[0]} with competing events",
                "cumulative_incidence with competing events",
                "a survival curve would count persons with a competing event as if they could still have the event",
            )

    def _may_be_drawn(self, kinds: set[str]) -> None:
        """Where the bootstrap has something to do, and is valid."""
        if not kinds & {"survival", "rmst"}:
            raise Wrong("bootstrap without survival or rmst", "estimator.kinds with survival or rmst")
        if self.adjustment.kind == "match":
            raise Wrong(
                "bootstrap with adjustment of kind 'match'",
                "bootstrap with adjustment of kind 'none', 'weigh' or 'stratify'",
                "the bootstrap fails for nearest-neighbour matching (Abadie & Imbens, Econometrica 2008;76:1537)",
            )
