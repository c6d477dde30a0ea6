"""Observation from migrations, births and deaths: random lives against a walk through every event of each person."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from equipoise.data.connect import connect
from equipoise.data.people import extract_spans
from equipoise.data.quality import data_quality
from tests.data.register_files import MAPPING, registers, write

FIRST, LAST = date(2001, 1, 1), date(2001, 3, 31)
DAYS = [date(2000, 12, 15) + timedelta(days=at) for at in range(120)]
PERSONS = 300
Life = tuple[date, date | None, list[tuple[date, str]]]


def random_lives(rng: np.random.Generator) -> list[Life]:
    lives: list[Life] = []
    for _ in range(PERSONS):
        born, died = sorted(rng.choice(len(DAYS), 2))
        moves = sorted((DAYS[at], str(rng.choice(["Inv", "Utv"]))) for at in rng.choice(len(DAYS), rng.integers(5)))
        lives.append((DAYS[born], DAYS[died] if rng.random() < 0.5 else None, moves))
    return lives


def observed(life: Life) -> set[date]:
    """The days in the country, alive and covered, one by one. On one day leaving comes before coming."""
    born, died, moves = life
    moves = sorted(set(moves), key=lambda move: (move[0], move[1] == "Inv"))
    here = not moves or moves[0][1] == "Utv"
    days = set()
    for day in (DAYS[0] + timedelta(days=at) for at in range(-1, 130)):
        today = [kind for at, kind in moves if at == day]
        was_here = here
        for kind in today:
            here = kind == "Inv"
        if (was_here or here) and FIRST <= day <= LAST and born <= day <= (died or LAST):
            days.add(day)
    return days


def spelt_out(spans: Iterator[tuple[int, int]]) -> set[date]:
    return {date(1970, 1, 1) + timedelta(days=at) for start, end in spans for at in range(start, end + 1)}


@pytest.mark.parametrize("seed", range(5))
def test_periods_cover_exactly_the_days_observed(tmp_path: Path, seed: int) -> None:
    lives = random_lives(np.random.default_rng(seed))
    ids = list(range(1, PERSONS + 1))
    moves = [(one, day, kind) for one, life in zip(ids, lives, strict=True) for day, kind in life[2]]
    dead = [(one, life[1]) for one, life in zip(ids, lives, strict=True) if life[1]]
    tables = registers(
        persons={"LopNr": ids, "Kon": ["1"] * PERSONS, "Fodd": [life[0] for life in lives], "Lan": ["01"] * PERSONS},
        deaths={"LopNr": [one for one, _ in dead], "Dag": [day for _, day in dead], "Orsak": ["R99"] * len(dead)},
        migrations={"LopNr": [move[0] for move in moves], "Dag": [move[1] for move in moves],
                    "Typ": [move[2] for move in moves]},
    )  # fmt: skip
    mapping = MAPPING.replace("from = 2001-01-01, to = 2012-12-31", f"from = {FIRST}, to = {LAST}")
    with connect(write(tmp_path, tables, mapping)) as source:
        rows = extract_spans(source).to_pylist()
        found = data_quality(source)
    for one, life in zip(ids, lives, strict=True):
        spans = ((row["start_day"], row["end_day"]) for row in rows if row["person_id"] == one)
        assert spelt_out(spans) == observed(life), one
    # What is derived from births, deaths and moves agrees with them: nothing is left for the floor to cut.
    cut = {"observation before birth", "observation after death", "observation that ends before it starts"}
    assert [each.n_records for each in found if each.check in cut] == [0, 0, 0]
