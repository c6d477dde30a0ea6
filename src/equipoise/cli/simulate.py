"""`equipoise simulate`: a synthetic nation as a database, with its truth beside it."""

from argparse import Namespace

from equipoise.cli.carry_out import progress
from equipoise.cli.output import say
from equipoise.runner.progress import Progress
from equipoise.simulate.drawn_nation import REGISTERS
from equipoise.simulate.nation_spec import NationSpec, read_nation
from equipoise.simulate.register_tables import MAPPING
from equipoise.simulate.write_nation import truth_place, write_nation

STEPS = 20  # of the display, however many blocks a nation has


def execute(arguments: Namespace) -> int:
    spec = read_nation(arguments.nation) if arguments.nation else NationSpec()
    display = _Display(progress())
    try:
        write_nation(
            arguments.to,
            spec,
            persons=arguments.persons,
            seed=arguments.seed,
            multiplier=arguments.als_incidence_multiplier,
            views=arguments.views,
            form=arguments.form,
            workers=arguments.threads,
            progress=display,
        )
    finally:
        display.finish()
    if arguments.form == REGISTERS:
        say(f"{arguments.to}: {arguments.persons:,} persons, registers; use them with --data {arguments.to / MAPPING}")
    else:
        say(f"{arguments.to}: {arguments.persons:,} persons, OMOP CDM 5.4; use it with --data {arguments.to}")
    say(f"{truth_place(arguments.to)}: what no table of the database holds, every parameter included")
    return 0


class _Display:
    """Blocks written, as steps of the display of a run."""

    def __init__(self, shown: Progress):
        self.shown, self.done, self.steps = shown, 0, 0

    def __call__(self, written: int, blocks: int) -> None:
        if not self.steps:
            self.steps = min(STEPS, blocks)
            self.shown.start(self.steps)
        while self.done < written * self.steps // blocks:
            self.done += 1
            name = f"block {written:,} of {blocks:,}"
            self.shown.begin(name)
            self.shown.step(name, "computed")

    def finish(self) -> None:
        if self.steps:
            self.shown.finish()
