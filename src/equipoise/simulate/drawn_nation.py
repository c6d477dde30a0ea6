"""The blocks of a nation as tables, drawn side by side and handed out in their order, for every view asked for."""

import json
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow as pa

from equipoise import __version__
from equipoise.errors import DesignError, Fault
from equipoise.simulate.block import Place
from equipoise.simulate.cdm import cdm_tables
from equipoise.simulate.cdm_reference import label
from equipoise.simulate.nation import draw_block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.network import network_tables
from equipoise.simulate.register_tables import register_tables
from equipoise.simulate.truth_tables import truth_tables
from equipoise.simulate.views import register_view

BLOCK_PERSONS = 20_000
AHEAD = 2  # blocks that may be finished before their turn to be written
REGISTER, NETWORK, TRUTH, CATCHMENT = "", "network", "truth", "network/truth"
VIEWS = {"register": REGISTER, "network": NETWORK}
OMOP, REGISTERS = FORMS = ("omop", "registers")
PATIENCE = 20  # further blocks without a patient after which more are not drawn
TREATED_A_BLOCK = 600  # expected in a block of the further catchment until one has been drawn; tells progress only


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows of tables by the folder they belong to inside that of the nation; patients on riluzole in the network."""

    tables: dict[str, dict[str, pa.Table]]
    treated: int


class DrawnNation:
    """What is drawn: the nation's blocks, and for the network view further ones until it holds patients enough.

    The further catchment lies outside the nation: persons of the same kind, with identifiers beyond the nation's, among
    whom ALS is `network.multiplier` times as frequent. Only the network view holds them.
    """

    def __init__(
        self,
        spec: NationSpec,
        persons: int,
        seed: int,
        multiplier: float,
        workers: int,
        views: frozenset[str],
        form: str = OMOP,
    ):
        self.spec, self.persons, self.seed = spec, persons, seed
        self.multiplier, self.workers, self.views, self.form = multiplier, workers, views, form
        self.blocks = -(-persons // BLOCK_PERSONS)
        self.further = 0  # blocks of the further catchment handed out
        self.target = spec.network.riluzole_treated if "network" in views else 0

    @property
    def databases(self) -> tuple[str, ...]:
        """Folders with a database each."""
        return tuple(folder for view, folder in VIEWS.items() if view in self.views)

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders, a folder before what lies in it."""
        return (TRUTH, *self.databases, *((CATCHMENT,) if "network" in self.views else ()))

    def in_order(self) -> Generator[tuple[Drawn, int], None, None]:
        """Each block, with the number of blocks expected in all. Raises `DesignError` where patients do not come."""
        done = treated = further = self.further = 0
        with closing(self._side_by_side()) as blocks:
            for drawn in blocks:
                done, treated = done + 1, treated + drawn.treated
                self.further = max(done - self.blocks, 0)
                further += drawn.treated if self.further else 0
                yield drawn, self._expected(done, treated, further)
                if done >= self.blocks and treated >= self.target:
                    return
                if done == self.blocks + PATIENCE and not further:
                    self._refuse()

    def _expected(self, done: int, treated: int, further: int) -> int:
        """Blocks in all, by the patients in each of the further blocks so far."""
        a_block = further / (done - self.blocks) if further else TREATED_A_BLOCK
        return max(done, self.blocks) + max(0, -int(-(self.target - treated) // a_block))

    def _refuse(self) -> None:
        found = f"no patient with riluzole in {PATIENCE * BLOCK_PERSONS:,} persons of the further catchment"
        raise DesignError(
            Fault(
                "network.riluzole_treated", found, "a number that is reached", "raise network.multiplier, or ask for 0"
            )
        )

    def _side_by_side(self) -> Generator[Drawn, None, None]:
        """Blocks of the nation, then of the further catchment for as long as they are taken; few are drawn ahead."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="nation")
        waiting: deque[Future[Drawn]] = deque()
        numbers = count() if self.target else range(self.blocks)
        try:
            for number in numbers:
                waiting.append(pool.submit(self._block, number))
                if len(waiting) >= self.workers + AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _block(self, number: int) -> Drawn:
        inside = number < self.blocks
        first = number * BLOCK_PERSONS if inside else self.persons + (number - self.blocks) * BLOCK_PERSONS
        size = min(BLOCK_PERSONS, self.persons - first) if inside else BLOCK_PERSONS
        place = Place(self.seed, number, first + 1, size)
        block = draw_block(self.spec, place, self.multiplier if inside else self.spec.network.multiplier)
        tables = {TRUTH if inside else CATCHMENT: truth_tables(block)}
        treated = 0
        if inside and "register" in self.views:
            view = register_view(block)
            tables[REGISTER] = cdm_tables(view) if self.form == OMOP else register_tables(view, self.spec)
        if "network" in self.views:
            tables[NETWORK], treated = network_tables(self.spec, block)
        return Drawn(tables, treated)

    def label(self) -> pa.Table:
        """The table that says what the database is; it is written last."""
        return label(self.persons, self.seed, self.multiplier)

    def parameters(self, folder: str) -> str:
        """What the truth in `folder` is the truth of, as JSON."""
        own = folder == TRUTH
        values: dict[str, Any] = {
            "equipoise": __version__,
            "seed": self.seed,
            "persons": self.persons if own else self.further * BLOCK_PERSONS,
            "first_block": 0 if own else self.blocks,
            "first_person": 1 if own else self.persons + 1,
            "als_incidence_multiplier": self.multiplier if own else self.spec.network.multiplier,
            "nation": self.spec.model_dump(mode="json"),
        }
        return json.dumps(values, indent=2) + "\n"
