"""Matched sets of a case with its siblings, half siblings or cousins, or with its spouse."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from equipoise.analysis_set import Attrition, Column
from equipoise.cohort.covariates import IndexRows, characteristic
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import People
from equipoise.cohort.time import EARLIEST, LATEST
from equipoise.data.families import Families, Pairs
from equipoise.data.partnerships import NOBODY, partner_on
from equipoise.design.matched_sets import MatchedSets
from equipoise.errors import DesignError, Fault
from equipoise.kernels.philox import uniforms
from equipoise.kernels.spans import Spans, contains
from equipoise.spec.relatives import RelativeControls

STREAM = 11  # of random numbers, apart from that of population controls
DEMOGRAPHIC = "demographic"
BY_DESIGN = "by design | "
FAMILY = Column("cluster | family", "cluster")
WORDS = {"siblings": "full sibling", "half_siblings": "half sibling", "cousins": "first cousin"}


@dataclass(frozen=True, slots=True)
class RelativeSets:
    """Matched sets with the steps that led to them: of cases, down to those with a relative; of the relatives."""

    sets: MatchedSets
    cases: Attrition
    controls: Attrition


@dataclass(frozen=True, slots=True)
class FamilyRows:
    """Persons on given days with their families: of row r of those persons, itself first, then its relatives.

    row int64 (f,) ascending; person int64 (f,) codes; day int32 (f,), that of the person of the row; own bool (f,).
    """

    row: np.ndarray
    person: np.ndarray
    day: np.ndarray
    own: np.ndarray


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Relatives of cases: row int64 (k,) of the case, person int64 (k,), day int32 (k,) on which each is looked at."""

    row: np.ndarray
    person: np.ndarray
    day: np.ndarray

    def where(self, keep: np.ndarray) -> "_Candidates":
        return _Candidates(self.row[keep], self.person[keep], self.day[keep])


def sibling_sets(
    people: People,
    cases: Cohort,
    eligible: Spans,
    families: Families,
    rules: RelativeControls,
    seed: int,
    kind: str = "siblings",
) -> RelativeSets:
    """Each case with its full siblings (all, or so many at random) who may serve as controls.

    `kind` may also be `half_siblings` or `cousins`, to whom the same rules apply. A sibling may serve on a day in
    `eligible`: alive, under observation, free of the outcome, meeting the cohort's rules. That day is the case's index
    date or, by choice, the day on which the sibling was as old as the case on it. Brothers and sisters who both are
    cases have a set each; the one who falls ill later serves the earlier one.
    """
    case, index_day = _in_order(people, cases)
    row, person = _relatives_of(case, families, kind, rules.half_siblings)
    candidates = _Candidates(row, person, index_day[row])
    if rules.compared_on == "case_age":
        candidates = _at_age_of_case(people, case, candidates)
    usable = candidates.where(contains(eligible, candidates.person, candidates.day))
    if rules.birth_year_caliper is not None:
        apart = np.abs(people.birth_year[usable.person] - people.birth_year[case[usable.row]])
        usable = usable.where(apart <= rules.birth_year_caliper)
    size = np.bincount(usable.row, minlength=len(case))
    drawn = _drawn(people, case, usable, rules.siblings_per_case, seed)
    words = "full or half sibling" if kind == "siblings" and rules.half_siblings else WORDS[kind]
    comparison = kind.replace("_", " ")
    return RelativeSets(_sets(case, index_day, drawn, size), *_attritions(comparison, words, case, candidates, usable))


def spouse_sets(people: People, cases: Cohort, eligible: Spans, families: Families) -> RelativeSets:
    """Each case with the partner it had on the index date, if that partner may serve as a control."""
    case, index_day = _in_order(people, cases)
    partner = partner_on(families.partners, case, index_day)
    row = np.flatnonzero(partner != NOBODY)
    candidates = _Candidates(row, partner[row], index_day[row])
    usable = candidates.where(contains(eligible, candidates.person, candidates.day))
    size = np.bincount(usable.row, minlength=len(case))
    kind = "spouse on the index date"
    return RelativeSets(_sets(case, index_day, usable, size), *_attritions("spouses", kind, case, candidates, usable))


def families_of_rows(
    people: People, rows: IndexRows, eligible: Spans, families: Families, rules: RelativeControls, kind: str
) -> FamilyRows:
    """Each row's person with all relatives of a kind who on its day might serve as controls: case or control alike."""
    if kind == "spouses":
        partner = partner_on(families.partners, rows.person, rows.day)
        row = np.flatnonzero(partner != NOBODY)
        person = partner[row]
    else:
        row, person = _relatives_of(rows.person, families, kind, rules.half_siblings)
    usable = contains(eligible, person, rows.day[row])
    if rules.birth_year_caliper is not None and kind != "spouses":
        apart = np.abs(people.birth_year[person] - people.birth_year[rows.person[row]])
        usable &= apart <= rules.birth_year_caliper
    row, person = row[usable], person[usable]
    n = len(rows.person)
    own = np.repeat([True, False], [n, len(row)])
    row, person = np.concatenate([np.arange(n), row]), np.concatenate([rows.person, person])
    order = np.lexsort((~own, row))
    return FamilyRows(row[order], person[order], rows.day[row[order]], own[order])


def shared_look_back(visible_from: np.ndarray, day: np.ndarray, matched_set: np.ndarray) -> np.ndarray:
    """First visible day of every row, such that all of a set are seen for as long as the one seen least: int32 (r,)."""
    seen = day.astype(np.int64) - visible_from
    shortest = np.full(int(matched_set.max()) + 1 if len(matched_set) else 0, np.iinfo(np.int64).max)
    np.minimum.at(shortest, matched_set, seen)
    return (day - shortest[matched_set]).astype(np.int32)


def demographic_columns(people: People, rows: IndexRows) -> list[tuple[Column, np.ndarray]]:
    """Sex and year of birth, which relatives are not matched on: an indicator for each sex but the most frequent."""
    sex = characteristic(people, rows, "sex", "sex", "Sex")
    columns = [
        (Column(f"{BY_DESIGN}sex[{level}]", DEMOGRAPHIC, (("covariate", "sex"),)), sex.values == code)
        for code, level in enumerate(sex.levels)
        if level != sex.reference
    ]
    year = Column(f"{BY_DESIGN}birth year", DEMOGRAPHIC, (("covariate", "birth year"),))
    return [*columns, (year, people.birth_year[rows.person].astype(np.float64))]


def family_clusters(sets: MatchedSets, sibship: np.ndarray) -> np.ndarray:
    """One number for all sets with a case and a member of one sibship, through others too: int64 (r,)."""
    return linked_sets(sets.matched_set, sibship[sets.person], sets.is_case)


def linked_sets(matched_set: np.ndarray, group: np.ndarray, is_case: np.ndarray) -> np.ndarray:
    """By row, one number for all sets that hang together: the case of one is of a group that the other has a member of.

    A cluster holds whole sets, for given that one member of a set is its case the others are not independent of it.
    Sets that have controls in common, or controls of one group, and nothing else are apart: at risk sets of different
    times their contributions to the score are uncorrelated (Borgan, Goldstein, Langholz, Ann Stat 1995;23:1749).
    """
    ill = np.zeros(int(group.max()) + 1 if len(group) else 0, dtype=bool)
    ill[group[is_case]] = True
    linking = ill[group]
    node = np.unique(group[linking], return_inverse=True)[1]
    n_sets = int(matched_set.max()) + 1 if len(matched_set) else 0
    n = n_sets + (int(node.max()) + 1 if len(node) else 0)
    edges = (np.ones(len(node), np.int8), (matched_set[linking], n_sets + node))
    return connected_components(coo_array(edges, shape=(n, n)), directed=False)[1][matched_set].astype(np.int64)


def _in_order(people: People, cases: Cohort) -> tuple[np.ndarray, np.ndarray]:
    """Cases in order of their identifiers, with their index dates."""
    order = np.argsort(people.person_id[cases.person], kind="stable")
    return cases.person[order], cases.entry[order]


def _relatives_of(case: np.ndarray, families: Families, kind: str, half_too: bool) -> tuple[np.ndarray, np.ndarray]:
    if kind == "cousins":
        return cousins_of(case, families)
    if kind == "half_siblings":
        return _related(case, families.half)
    found = [_related(case, families.full)]
    if half_too:
        found.append(_related(case, families.half))
    row, person = (np.concatenate([part[at] for part in found]) for at in (0, 1))
    order = np.lexsort((person, row))
    return row[order], person[order]


def cousins_of(case: np.ndarray, families: Families) -> tuple[np.ndarray, np.ndarray]:
    """First cousins: children of full siblings of a parent, without the case's own siblings and half siblings.

    Row of the case and person, int64 each, in ascending order, each pair once. Parents are those of the database; where
    a parent, or the parents of a parent, are not known, cousins on that side are not known either.
    """
    if families.parents is None:
        raise DesignError(Fault("cousins", "families without parents", "families with the parents of each person"))
    known = [(np.flatnonzero(side[case] >= 0), side[case][side[case] >= 0]) for side in families.parents]
    row, parent = (np.concatenate([part[at] for part in known]) for at in (0, 1))
    of, aunt = _related(parent, families.full)
    row = row[of]
    is_aunt = np.zeros(len(families.sibship), dtype=bool)
    is_aunt[aunt] = True
    links = [(side[child], child) for side in families.parents for child in [np.flatnonzero(side >= 0)]]
    above, below = (np.concatenate([link[at] for link in links]) for at in (0, 1))
    above, below = above[is_aunt[above]], below[is_aunt[above]]
    order = np.argsort(above, kind="stable")
    above, below = above[order], below[order]
    first, last = np.searchsorted(above, aunt, "left"), np.searchsorted(above, aunt, "right")
    at = np.repeat(first - np.cumsum(last - first) + (last - first), last - first) + np.arange((last - first).sum())
    found = _pair_keys(np.repeat(row, last - first), below[at], families)
    near = [_pair_keys(*_related(case, pairs), families) for pairs in (families.full, families.half)]
    oneself = _pair_keys(np.arange(len(case)), case, families)
    cousins = np.setdiff1d(found, np.concatenate([*near, oneself]))
    return cousins // len(families.sibship), cousins % len(families.sibship)


def _pair_keys(row: np.ndarray, person: np.ndarray, families: Families) -> np.ndarray:
    return row.astype(np.int64) * len(families.sibship) + person


def _related(case: np.ndarray, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    counts = np.diff(pairs.offsets)[case]
    row = np.repeat(np.arange(len(case)), counts)
    at = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + pairs.offsets[case][row]
    return row, pairs.other[at]


def _at_age_of_case(people: People, case: np.ndarray, candidates: _Candidates) -> _Candidates:
    """The day on which each candidate was as many days old as the case on its index date; none without births."""
    born, of_case = people.birth_day[candidates.person], people.birth_day[case[candidates.row]]
    day = candidates.day.astype(np.int64) - of_case + born
    known = people.birth_known[candidates.person] & people.birth_known[case[candidates.row]]
    return _Candidates(
        candidates.row[known], candidates.person[known], np.clip(day[known], EARLIEST, LATEST).astype(np.int32)
    )


def _drawn(people: People, case: np.ndarray, usable: _Candidates, most: int | None, seed: int) -> _Candidates:
    """At most so many relatives of each case, each equally likely; the draw depends on seed, case and place alone."""
    if most is None:
        return usable
    first = np.searchsorted(usable.row, usable.row)
    place = np.arange(len(usable.row)) - first
    lot = uniforms(seed, STREAM, people.person_id[case[usable.row]], place)
    order = np.lexsort((lot, usable.row))
    keep = np.zeros(len(order), dtype=bool)
    keep[order[place < most]] = True  # places count within each case, and sorting by lot keeps cases together
    return usable.where(keep)


def _sets(case: np.ndarray, index_day: np.ndarray, drawn: _Candidates, size: np.ndarray) -> MatchedSets:
    n_sets = len(case)
    matched_set = np.concatenate([np.arange(n_sets), drawn.row])
    is_control = np.repeat([False, True], [n_sets, len(drawn.row)])
    order = np.lexsort((is_control, matched_set))
    return MatchedSets(
        matched_set[order],
        np.concatenate([case, drawn.person])[order],
        ~is_control[order],
        np.concatenate([index_day, drawn.day])[order],
        size.astype(np.int64),
        np.bincount(drawn.row, minlength=n_sets).astype(np.int64),
    )


def _attritions(
    comparison: str, kind: str, case: np.ndarray, candidates: _Candidates, usable: _Candidates
) -> tuple[Attrition, Attrition]:
    cases = Attrition(f"cases compared with {comparison}").then("cases", len(case))
    cases = cases.then(f"a {kind} in the database", len(np.unique(candidates.row)))
    cases = cases.then("at least one eligible control", len(np.unique(usable.row)))
    controls = Attrition(f"{comparison} of cases").then(f"{kind} of a case", len(np.unique(candidates.person)))
    eligible = "alive, under observation, free of the outcome and meeting the cohort's rules on the day"
    return cases, controls.then(eligible, len(np.unique(usable.person)))
