"""Risk-set sampling one person at a time in plain Python: the obvious second implementation.

No NumPy, no compiled code, nothing imported from the package. Written from docs/methods/risk-set-sampling.md.
"""

from dataclasses import dataclass

MASK32 = 2**32 - 1
MASK64 = 2**64 - 1
REJECTIONS = 64


@dataclass(frozen=True)
class Span:
    """Days on which a person may serve as a control, both ends included, and the day the cohort was entered."""

    start: int
    end: int
    entry: int = 0


@dataclass(frozen=True)
class Person:
    id: int
    key: int
    birth_year: int
    spans: tuple[Span, ...]

    def span_at(self, day: int) -> Span | None:
        return next((span for span in self.spans if span.start <= day <= span.end), None)


@dataclass(frozen=True)
class Case:
    person: Person
    index_day: int
    entry: int = 0


@dataclass(frozen=True)
class Rules:
    controls_per_case: int
    birth_year_caliper: int | None = None
    time_in_cohort_caliper: int | None = None
    seed: int = 1
    stream: int = 0


@dataclass(frozen=True)
class RiskSet:
    """Identifiers of the controls in the order drawn, and how many persons were eligible."""

    controls: tuple[int, ...]
    size: int
    draws: int
    enumerated: bool


def philox4x32(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Ten rounds of Philox4x32, written from the paper's formulas on unbounded integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        left, right = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (right >> 32) ^ c1 ^ k0, right & MASK32, (left >> 32) ^ c3 ^ k1, left & MASK32
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def draw_uint64(seed: int, person_id: int, draw: int, stream: int) -> int:
    seed, person_id = seed & MASK64, person_id & MASK64
    words = philox4x32((person_id & MASK32, person_id >> 32, draw, stream), (seed & MASK32, seed >> 32))
    return words[0] + (words[1] << 32)


def candidates(people: list[Person], case: Case, rules: Rules) -> list[Person]:
    """Everybody who could be drawn for the case: same key, birth year within the caliper, ever eligible."""

    def close(person: Person) -> bool:
        caliper = rules.birth_year_caliper
        return caliper is None or abs(person.birth_year - case.person.birth_year) <= caliper

    found = [p for p in people if p.key == case.person.key and close(p) and p.spans]
    return sorted(found, key=lambda p: (p.birth_year, p.id))


def is_eligible(person: Person, case: Case, rules: Rules) -> bool:
    span = person.span_at(case.index_day)
    if span is None or person.id == case.person.id:
        return False
    caliper = rules.time_in_cohort_caliper
    return caliper is None or abs(span.entry - case.entry) <= caliper


def sample_one(people: list[Person], case: Case, rules: Rules) -> RiskSet:
    """The risk set of one case. Looks at nothing but the case and the people."""
    array = candidates(people, case, rules)
    size = sum(is_eligible(person, case, rules) for person in array)
    drawn: list[Person] = []
    draws = rejections = 0

    def rank(n: int) -> int:
        nonlocal draws
        draws += 1
        return draw_uint64(rules.seed, case.person.id, draws - 1, rules.stream) * n >> 64

    wanted = min(rules.controls_per_case, size)
    while len(drawn) < wanted and rejections < REJECTIONS:
        person = array[rank(len(array))]
        if person not in drawn and is_eligible(person, case, rules):
            drawn.append(person)
        else:
            rejections += 1
    enumerated = len(drawn) < wanted
    if enumerated:
        left = [p for p in array if is_eligible(p, case, rules) and p not in drawn]
        while len(drawn) < wanted:
            drawn.append(left.pop(rank(len(left))))
    return RiskSet(tuple(p.id for p in drawn), size, draws, enumerated)


def sample(people: list[Person], cases: list[Case], rules: Rules) -> list[RiskSet]:
    return [sample_one(people, case, rules) for case in cases]
