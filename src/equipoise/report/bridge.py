"""The page of a bridge: what each design element changed, and how far it moved the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, fsum
from typing import Any

from markupsafe import Markup

from equipoise.errors import REASON_TEXT, Reason
from equipoise.report.methods import disclosure, hidden_note
from equipoise.report.numbers import ABSENT, count_text, decimal_text, interval_text, level_text, ratio_text
from equipoise.report.views import Cell, Table, head, numbers
from equipoise.report.waterfall import Level, waterfall
from equipoise.report.wording import wording
from equipoise.results.results import Results
from equipoise.spec.canonical import canonical_json
from equipoise.spec.study import Study

Row = dict[str, Any]

NAMES = {
    "data_view": "Data",
    "population": "Population",
    "time_zero": "Time zero",
    "new_users": "Prevalent or new users",
    "exposure": "Exposure",
    "comparator": "Comparator",
    "lag": "Lag",
    "outcome": "Outcome",
    "covariates": "Covariates",
    "adjustment": "Adjustment",
    "censoring": "Censoring",
    "follow_up": "Follow-up",
    "estimator": "Estimator",
}
TRUE_LINE = "Stepped line: the true value of what the study of each row aims at."
TRUE_METHODS = (
    "The data are those of a synthetic nation. The true value of a mixture is the marginal log hazard ratio among the"
    " persons whom its estimate stands for, from its time zero over its follow-up, had they had the drugs of the target"
    " arm or those of the reference arm in hand: their lives are lived on under both, with equal chances. Bias is the"
    " estimate less the true value; chance, and the gap between a conditional and a marginal ratio, are part of it."
)
CAUTION = (
    "A contribution is a difference between estimates: of the true values that the mixtures aim at, of their bias and"
    " of chance. It does not say which study is right."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A waterfall with its table and a line that explains it."""

    caption: str
    figure: Markup
    table: Table
    note: str = ""


def bridge_context(results: Results) -> dict[str, Any]:
    """Everything the template shows."""
    page = _Page(results)
    return {
        "title": f"From {page.title(0)} to {page.title(1)}",
        "ends": [page.end(i) for i in (0, 1)],
        "summary": page.summary(),
        "caution": " ".join([CAUTION, *page.caution()]),
        "words": [(NAMES[row["element"]], page.words(row)) for row in page.in_path_order()],
        "figures": page.figures(),
        "mixtures": page.mixtures(),
        "missing": page.missing(),
        "methods": page.methods(),
        "disclosure": disclosure(page.min_cell_count),
        "hidden_note": hidden_note(page.min_cell_count),
        "provenance": list(_provenance(dict(results.manifest))),
        "protocols": [canonical_json(study) for study in page.about["studies"]],
    }


class _Page:
    """The rows of the two tables, and what the manifest says of the bridge."""

    def __init__(self, results: Results):
        self.about: Row = results.manifest["bridge"]
        self.min_cell_count = int(results.manifest["min_cell_count"])
        self.steps = results.rows("bridge_steps")
        self.path = [row for row in self.steps if row["path_position"] is not None]
        self.shares = {row["element"]: row for row in results.rows("bridge_contributions")}
        self.has_truth = bool(self.about.get("truth"))
        self.replicates = int(self.about.get("replicates", 0))

    def title(self, i: int) -> str:
        return f"{self.about['studies'][i]['id']}: {self.about['analyses'][i]}"

    def end(self, i: int) -> tuple[str, str]:
        row = self.path[-i]
        study = self.about["studies"][i]
        contrast = wording(Study.model_validate(study))(row["contrast"] or "")
        compared = f" {contrast[:1].upper()}{contrast[1:]}." if contrast else ""
        return f"Study {'AB'[i]}", f"{study['title']} ({self.title(i)}).{compared} {self._answer(row)}"

    def _answer(self, row: Row) -> str:
        if row["estimate"] is None:
            return f"No hazard ratio: {row['why_not'] or _because(row)}."
        interval = f"{self._level()} interval {interval_text(row)}"
        return f"Hazard ratio {ratio_text(row['estimate'])} ({interval}), {row['adjustment']}."

    def _level(self) -> str:
        return level_text(self.about["conf_level"])

    def summary(self) -> str:
        first, last = self.path[0]["log_estimate"], self.path[-1]["log_estimate"]
        if None in (first, last):
            return "One of the two studies has no estimate, so there is no difference to explain."
        differ = f"{len(self.shares)} element" + ("s differ" if len(self.shares) > 1 else " differs")
        return (
            f"The hazard ratio of study B is {ratio_text(exp(last - first))} times that of study A: a difference of"
            f" {_signed(last - first)} on the scale of log hazard ratios. {differ} between the designs."
            f" {self._true_difference(last - first)}{self._orders()}"
        )

    def _true_difference(self, difference: float) -> str:
        """On a synthetic nation: how much of the difference is a difference of what is aimed at."""
        first, last = self.path[0]["true_value"], self.path[-1]["true_value"]
        if None in (first, last):
            return ""
        moved = last - first
        return (
            f"The true hazard ratio of what study A aims at is {ratio_text(exp(first))}, that of study B"
            f" {ratio_text(exp(last))}: of the difference, {_signed(moved)} is another question with another true"
            f" answer, and {_signed(difference - moved)} is another bias, and chance. "
        )

    def _orders(self) -> str:
        n = next(iter(self.shares.values()))["n_orders"]
        if not n:
            return "In no order of switching them does every study on the way have an estimate, so none has a share."
        if self.about["orders"] == "sampled":
            return f"Shares are averages over {n:,} orders drawn at random."
        possible = int(self.about["orders_possible"])
        if n == possible:
            return f"Shares are averages over all {n:,} orders of switching them."
        return f"Shares are averages over {n:,} of {possible:,} orders: those in which every study has an estimate."

    def caution(self) -> list[str]:
        """What intervals of contributions rest on, or that there are none."""
        if not self.replicates:
            return ["Mixtures share most of their persons, and no interval is given for a contribution."]
        said = [
            "Intervals of changes and contributions are percentiles over persons drawn again, the same ones in every"
            " mixture."
        ]
        if any(row["adjustment"] == "matched" for row in self.path):
            said.append(
                "Where arms are matched they are approximate: drawing persons again does not imitate nearest-neighbour"
                " matching (Abadie & Imbens, Econometrica 2008;76:1537)."
            )
        return said

    def in_path_order(self) -> list[Row]:
        return [self.shares[row["element"]] for row in self.path[1:]]

    def words(self, share: Row) -> str:
        """What one step changed, and how far it moved the answer."""
        at = next(i for i, row in enumerate(self.path) if row["element"] == share["element"])
        changed = f"From “{share['in_a'] or 'study A'}” to “{share['in_b'] or 'study B'}”."
        return " ".join([changed, self._on_path(self.path[at - 1], self.path[at]), *self._share(share)])

    def _on_path(self, before: Row, row: Row) -> str:
        if row["estimate"] is None:
            return f"With it there is no estimate at this step: {row['why_not'] or _because(row)}."
        if row["change"] is None:
            return f"The hazard ratio of this step is {ratio_text(row['estimate'])}; the step before has none."
        factor = ratio_text(exp(row["change"]))
        split = ""
        if row["true_change"] is not None:
            split = (
                f" The true value of what is aimed at goes from {ratio_text(exp(before['true_value']))} to"
                f" {ratio_text(exp(row['true_value']))} ({_signed(row['true_change'])}); bias and chance change by"
                f" {_signed(row['bias_change'])}."
            )
        elif row["no_truth"]:
            split = f" No true value: {row['no_truth']}."
        return (
            f"On the path shown, the hazard ratio goes from {ratio_text(before['estimate'])} to"
            f" {ratio_text(row['estimate'])}, a factor of {factor} ({_signed(row['change'])} on the log scale).{split}"
        )

    def _share(self, share: Row) -> Iterator[str]:
        if share["reason"] is not None:
            return
        error = share["monte_carlo_error"]
        low, high = share["conf_low"], share["conf_high"]
        interval = "" if low is None else f", {self._level()} interval {_signed(low)} to {_signed(high)}"
        spread = f"by order from {_signed(share['least'])} to {_signed(share['most'])}"
        monte_carlo = "" if error is None else f", Monte Carlo error {error:.4f}"
        yield (
            f"Averaged over orders it contributes {_signed(share['contribution'])}, a factor of"
            f" {ratio_text(share['ratio'])} ({spread}{monte_carlo}{interval})."
        )
        if share["true_contribution"] is not None:
            true, bias = _signed(share["true_contribution"]), _signed(share["bias_contribution"])
            yield f"Of this, {true} is a change of the true value, and {bias} one of bias and chance."
        if share["least"] < 0 < share["most"]:
            yield "Its direction depends on what else has been switched."

    def figures(self) -> list[Figure]:
        levels = [
            Level(NAMES[row["element"]], row["log_estimate"], row["reason"], row["true_value"]) for row in self.path[1:]
        ]
        made = [self._figure("One path from A to B, one element at a time", levels, self._path_table())]
        if all(share["reason"] is None for share in self.shares.values()):
            made.append(self._figure("Contributions averaged over orders", self._averaged(), self._share_table()))
        return made

    def _figure(self, caption: str, levels: Sequence[Level], table: Table) -> Figure:
        ends = self.path[0], self.path[-1]
        if all(level.true_value is None for level in levels):
            ends = ends[0] | {"true_value": None}, ends[1] | {"true_value": None}
        note = TRUE_LINE if ends[1]["true_value"] is not None else ""
        return Figure(caption, waterfall(ends[0], levels, ends[1], caption), table, note)

    def _averaged(self) -> list[Level]:
        at, true, levels = self.path[0]["log_estimate"], self.path[0]["true_value"], []
        for share in self.shares.values():
            at += share["contribution"]
            true = None if None in (true, share["true_contribution"]) else true + share["true_contribution"]
            levels.append(Level(NAMES[share["element"]], at, None, true))
        return levels

    def _path_table(self) -> Table:
        body = [
            [Cell(NAMES[row["element"]] if row["element"] else "Study A", head=True), *self._estimate(row)]
            for row in self.path
        ]
        return Table("The path shown", self._head("Switched to B"), body)

    def _head(self, first: str) -> list[Cell]:
        interval = f"{self._level()} interval"
        true = ("True hazard ratio", "Bias") if self.has_truth else ()
        top = ("Persons", "Events", "Hazard ratio", interval, "Log hazard ratio", "Change", *true, "If absent")
        return head(first, *top)

    def _estimate(self, row: Row) -> list[Cell]:
        counts = [count_text(row, name) for name in ("n_persons", "n_cases")]
        values = [ratio_text(row["estimate"]), interval_text(row), decimal_text(row["log_estimate"], 4)]
        why = "" if row["reason"] is None else row["why_not"] or _because(row)
        true = [] if row["true_value"] is None else [ratio_text(exp(row["true_value"])), _signed(row["bias"])]
        true = (true or [ABSENT, ABSENT]) if self.has_truth else []
        why = why or row["no_truth"] or ""
        return [*numbers(*counts, *values, _signed(row["change"]), *true), Cell(why, "words" if why else "")]

    def _share_table(self) -> Table:
        true = ("Of it true", "Of it bias") if self.has_truth else ()
        drawn = (f"{self._level()} interval",) if self.replicates else ()
        named = ("Contribution", *true, *drawn, "Factor", "Least", "Most", "Monte Carlo error")
        top = head("Element", "In A", "In B", *named, numbers_from=3)
        body = [
            [
                Cell(NAMES[row["element"]], head=True),
                Cell(row["in_a"] or ABSENT),
                Cell(row["in_b"] or ABSENT),
                *numbers(*self._split(row), *self._drawn(row), ratio_text(row["ratio"])),
                *numbers(_signed(row["least"]), _signed(row["most"]), decimal_text(row["monte_carlo_error"], 4)),
            ]
            for row in self.shares.values()
        ]
        rows = self.shares.values()
        names = ("contribution", "true_contribution", "bias_contribution")
        sums = {name: None if any(row[name] is None for row in rows) else fsum(row[name] for row in rows)
                for name in names}  # fmt: skip
        total = fsum(row["contribution"] for row in rows)
        gap = [""] if self.replicates else []
        numbers_of_all = numbers(*self._split(sums), *gap, ratio_text(exp(total)))
        foot = [Cell("All together", head=True), Cell(""), Cell(""), *numbers_of_all]
        return Table("Contributions, in log hazard ratios", top, [*body, [*foot, *numbers("", "", "")]])

    def _drawn(self, share: Row) -> list[str]:
        """The interval of a contribution, where persons were drawn again."""
        if not self.replicates:
            return []
        low, high = share["conf_low"], share["conf_high"]
        return [ABSENT if low is None else f"{_signed(low)} to {_signed(high)}"]

    def _split(self, share: Row) -> list[str]:
        """A contribution, and its two parts where there is a truth."""
        names = ("contribution", "true_contribution", "bias_contribution")
        return [_signed(share[name]) for name in (names if self.has_truth else names[:1])]

    def mixtures(self) -> Table:
        body = [[Cell(_elements(row), head=True), *self._estimate(row)] for row in self.steps if not row["why_not"]]
        return Table("Every study that was run", self._head("Taken from B"), body)

    def missing(self) -> Table:
        body = [
            [Cell(_elements(row), head=True), Cell(row["why_not"], "words")] for row in self.steps if row["why_not"]
        ]
        return Table("Mixtures that are no study", head("Taken from B", "Why not", numbers_from=9), body)

    def methods(self) -> list[str]:
        chosen = (
            "The path is the one that was asked for."
            if self.about["order_chosen"]
            else "The path is the first, in the order of elements, on which every study has an estimate."
        )
        true = [TRUE_METHODS] if self.has_truth else []
        return [
            *true,
            "The two designs are written in the same elements. Settings in which they differ are switched from A to B,"
            " element by element; each mixture is a study of its own, run on the same data with the same rules. Values"
            " are log hazard ratios of the target against the reference, at the confidence level of study A.",
            f"{chosen} A contribution is the mean change on switching the element over all orders in which every study"
            " on the way, both ends included, has an estimate that may be shown (Shapley, 1953); the contributions add"
            " up to the whole difference.",
        ]


def _because(row: Row) -> str:
    return REASON_TEXT[Reason(row["reason"])]


def _elements(row: Row) -> str:
    names = [NAMES.get(name, "nothing: study A") for name in row["switched"].split(", ")]
    return ", ".join([*names[:1], *(name[:1].lower() + name[1:] for name in names[1:])])


def _signed(value: float | None) -> str:
    text = decimal_text(value, 3)
    return f"+{text}" if value is not None and value > 0 else text


def _provenance(manifest: Row) -> Iterator[tuple[str, str]]:
    for name, digest in zip("AB", manifest["bridge"]["study_hashes"], strict=True):
        yield f"Hash of study {name} (SHA-256)", digest
    for source in manifest["sources"]:
        yield "Database", str(source.get("name") or "")
        yield "Fingerprint of the data", str(source.get("fingerprint") or "")
    yield "Random seed", str(manifest["seed"])
    yield "Software", ", ".join(f"{name} {version}" for name, version in sorted(manifest["versions"].items()))
    yield "Platform", manifest["platform"]
    yield "Smallest count shown", str(manifest["min_cell_count"])
