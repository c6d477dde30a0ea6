"""Generated databases: the kernel draws the same controls, in the same order, as the plain-Python oracle."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.kernels.risk_sets import RiskSets, sample_risk_sets
from equipoise.kernels.spans import DAY_MAX, DAY_MIN, normalise
from tests.oracle import risk_sets as oracle
from tests.oracle.risk_sets import Case, Person, Rules, Span

MANY = settings(max_examples=300)

ids = st.one_of(st.integers(-20, 200), st.integers(2**53, 2**53 + 200), st.integers(-(2**63), 2**63 - 1))
days = st.one_of(st.integers(-30, 60), st.sampled_from([DAY_MIN, DAY_MIN + 1, DAY_MAX - 1, DAY_MAX, 60_000]))
usual_days = st.integers(-10, 40)
keys = st.one_of(st.integers(0, 2), st.sampled_from([-(2**63), 2**63 - 1, 10**15]))
years = st.one_of(st.integers(1950, 1956), st.sampled_from([1800, 2100]))
calipers = st.one_of(st.none(), st.integers(0, 3), st.just(2**40))
seeds = st.integers(0, 2**64 - 1)


@dataclass(frozen=True)
class Database:
    people: list[Person]
    cases: list[Case]
    rules: Rules


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    """Sorted and disjoint, some of them touching, some for ever."""
    bounds = sorted(draw(st.sets(draw(st.sampled_from([days, usual_days])), max_size=6)))
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    return tuple(Span(start, end, draw(st.integers(-40, 0))) for start, end in pairs)


@st.composite
def databases(draw: st.DrawFn, max_persons: int = 30, person_spans: st.SearchStrategy = spans()) -> Database:  # noqa: B008
    person_ids = draw(st.lists(ids, unique=True, min_size=1, max_size=max_persons))
    people = [Person(i, draw(keys), draw(years), draw(person_spans)) for i in person_ids]
    chosen = draw(st.lists(st.sampled_from(people), unique_by=lambda p: p.id, max_size=8))
    cases = [Case(p, draw(usual_days), draw(st.integers(-40, 0))) for p in chosen]
    rules = Rules(draw(st.integers(1, 6)), draw(calipers), draw(calipers), draw(seeds), draw(st.integers(0, 2**32 - 1)))
    return Database(people, cases, rules)


def sample(database: Database) -> RiskSets:
    people, cases, rules = database.people, database.cases, database.rules
    rows = [(code, span) for code, person in enumerate(people) for span in person.spans]
    position = {person.id: code for code, person in enumerate(people)}
    person_spans = normalise(
        [code for code, _ in rows],
        [span.start for _, span in rows],
        [span.end for _, span in rows],
        len(people),
        join_touching=False,
    )
    return sample_risk_sets(
        np.array([p.id for p in people], dtype=np.int64),
        np.array([p.key for p in people], dtype=np.int64),
        np.array([p.birth_year for p in people]),
        person_spans,
        case_person=[position[case.person.id] for case in cases],
        index_day=[case.index_day for case in cases],
        controls_per_case=rules.controls_per_case,
        seed=rules.seed,
        stream=rules.stream,
        birth_year_caliper=rules.birth_year_caliper,
        time_in_cohort_caliper=rules.time_in_cohort_caliper,
        entry_day=np.array([span.entry for _, span in rows], dtype=np.int32),
        case_entry_day=np.array([case.entry for case in cases], dtype=np.int32),
    )


def by_case(database: Database) -> dict[int, oracle.RiskSet]:
    """What the kernel drew, told by identifiers, for each case's identifier."""
    sets = sample(database)
    found = {}
    for c, case in enumerate(database.cases):
        rows = sets.controls[sets.offsets[c] : sets.offsets[c + 1]]
        controls = tuple(database.people[row].id for row in rows)
        found[case.person.id] = oracle.RiskSet(
            controls, int(sets.size[c]), int(sets.draws[c]), bool(sets.enumerated[c])
        )
    return found


@MANY
@given(databases())
def test_the_kernel_draws_what_the_oracle_draws(database: Database) -> None:
    expected = oracle.sample(database.people, database.cases, database.rules)
    assert list(by_case(database).values()) == expected


@given(databases(max_persons=8), st.data())
def test_many_candidates_of_whom_few_are_eligible(database: Database, data: st.DataObject) -> None:
    """Rejection is given up, so counting off must agree with the oracle as well."""
    idle = [Person(10**6 + i, 0, 1953, (Span(1000, 1001),)) for i in range(200)]
    people = [*database.people, *idle]
    rules = replace(database.rules, birth_year_caliper=None)
    crowded = Database(data.draw(st.permutations(people)), database.cases, rules)
    assert list(by_case(crowded).values()) == oracle.sample(crowded.people, crowded.cases, rules)


@given(databases(), st.data())
def test_the_order_of_rows_changes_nothing(database: Database, data: st.DataObject) -> None:
    people, cases = (data.draw(st.permutations(rows)) for rows in (database.people, database.cases))
    assert by_case(Database(people, cases, database.rules)) == by_case(database)


@given(databases(), st.data())
def test_a_case_does_not_depend_on_other_cases(database: Database, data: st.DataObject) -> None:
    kept = [case for case in database.cases if data.draw(st.booleans())]
    everything = by_case(database)
    assert by_case(replace(database, cases=kept)) == {case.person.id: everything[case.person.id] for case in kept}


@given(databases())
def test_persons_who_are_never_eligible_change_nothing(database: Database) -> None:
    bystanders = [Person(-(10**6) - i, 0, 1953, ()) for i in range(3)]
    everybody = replace(database, people=[*bystanders, *database.people])
    assert by_case(everybody) == by_case(database)


@given(databases(), st.integers(1, 5))
def test_a_smaller_set_is_the_beginning_of_a_larger_one(database: Database, fewer: int) -> None:
    more = replace(database, rules=replace(database.rules, controls_per_case=6))
    less = replace(database, rules=replace(database.rules, controls_per_case=fewer))
    large, small = by_case(more), by_case(less)
    assert {case: found.controls for case, found in small.items()} == {
        case: found.controls[:fewer] for case, found in large.items()
    }


@given(databases())
def test_what_every_set_must_be(database: Database) -> None:
    """Distinct controls, never the case, all eligible, as many as asked or as there are."""
    people = {person.id: person for person in database.people}
    for case in database.cases:
        found = by_case(database)[case.person.id]
        assert len(set(found.controls)) == len(found.controls) == min(database.rules.controls_per_case, found.size)
        assert case.person.id not in found.controls
        for control in found.controls:
            assert people[control] in oracle.candidates(database.people, case, database.rules)
            assert oracle.is_eligible(people[control], case, database.rules)
