"""The question and its true answer: an estimand, a nation, and the value of the one in the other."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import DesignError, Fault, SourceError
from equipoise.simulate.block import Place
from equipoise.simulate.drawn_nation import BLOCK_PERSONS
from equipoise.simulate.estimands import OnsetEstimand, SurvivalEstimand
from equipoise.simulate.nation import draw_block
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.population import draw_people
from equipoise.simulate.prescribing import draw_episodes
from equipoise.simulate.truth import TrueValue, true_onset, true_survival
from equipoise.simulate.truth_onset import Onsets, onsets_of
from equipoise.simulate.truth_survival import Patients, patients_of
from equipoise.simulate.write_nation import truth_place

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Nation:
    """What makes a nation: its parameters, size and seed, and how many times more frequent ALS is made.

    `first_block` and `first_person` are not 0 and 1 for the further catchment of a network.
    """

    spec: NationSpec
    persons: int
    seed: int
    multiplier: float = 1.0
    first_block: int = 0
    first_person: int = 1

    def places(self) -> list[Place]:
        """Its blocks."""
        firsts = range(0, self.persons, BLOCK_PERSONS)
        return [
            Place(self.seed, number, self.first_person + first, min(BLOCK_PERSONS, self.persons - first))
            for number, first in enumerate(firsts, start=self.first_block)
        ]


def read_nation_truth(directory: str | Path) -> Nation:
    """The nation that `equipoise simulate` wrote to `directory` (a folder, or a file that ends in `.duckdb`).

    Raises `SourceError` where its truth is missing or not readable.
    """
    return read_nation_truth_at(truth_place(directory))


def read_nation_truth_at(folder: str | Path) -> Nation:
    """The nation whose truth lies in `folder`. Raises `SourceError` where it is missing or not readable."""
    path = Path(folder) / "nation.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        spec = parse_nation(found["nation"])
        sizes = {name: int(found[name]) for name in ("persons", "seed", "first_block", "first_person")}
        return Nation(spec, multiplier=float(found["als_incidence_multiplier"]), **sizes)
    except OSError as error:
        raise SourceError(
            Fault(str(path), error.strerror or "cannot be read", "the truth of a nation", "give the simulated nation")
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(Fault(str(path), f"not the truth of a nation ({type(error).__name__})")) from None


def compute_truth(
    nation: Nation | str | Path, estimand: SurvivalEstimand | OnsetEstimand, *, progress: Progress | None = None
) -> TrueValue:
    """The true value of an estimand in a nation, with the Monte Carlo error of the nation's own size.

    `nation` is a `Nation` or the place of one on disk. Its blocks are drawn again, a few seconds a million persons, in
    every world the estimand needs; a nation larger than the one analysed gives a sharper truth. `progress` is told how
    many blocks of how many are done. Raises `DesignError` where fewer than 50 persons contribute.

    >>> small = Nation(NationSpec(), persons=20_000, seed=3, multiplier=60.0)
    >>> compute_truth(small, SurvivalEstimand(target="natural", reference="natural")).value
    0.0
    """
    drawn = nation if isinstance(nation, Nation) else read_nation_truth(nation)
    if isinstance(estimand, SurvivalEstimand):
        return true_survival(_patients(drawn, estimand, progress), estimand)
    if isinstance(estimand, OnsetEstimand):
        return true_onset(_onsets(drawn, estimand, progress))
    raise DesignError(Fault("estimand", type(estimand).__name__, "a SurvivalEstimand or an OnsetEstimand"))


def _patients(nation: Nation, estimand: SurvivalEstimand, progress: Progress | None) -> Iterator[Patients]:
    for place in _told(nation, progress):
        block = draw_block(nation.spec, place, nation.multiplier)
        yield patients_of(block.people, block.disease, block.course, block.dispensings, estimand)


def _onsets(nation: Nation, estimand: OnsetEstimand, progress: Progress | None) -> Iterator[Onsets]:
    for place in _told(nation, progress):
        people, _ = draw_people(nation.spec, place, nation.multiplier)
        background = draw_episodes(nation.spec, place, people)
        yield onsets_of(nation.spec, place, people, background, estimand, nation.multiplier)


def _told(nation: Nation, progress: Progress | None) -> Iterator[Place]:
    places = nation.places()
    for done, place in enumerate(places, start=1):
        yield place
        if progress:
            progress(done, len(places))
