"""`equipoise calibrate`: a nation against every published anchor, as a table."""

from argparse import Namespace

from equipoise.cli.carry_out import progress
from equipoise.cli.output import say
from equipoise.runner.calibration import calibrate_nation
from equipoise.runner.calibration_table import write_calibration
from equipoise.simulate.nation_spec import NationSpec, read_nation


def execute(arguments: Namespace) -> int:
    spec = read_nation(arguments.nation) if arguments.nation else NationSpec()
    display = progress()
    display.start(arguments.seeds)
    display.begin("seed 1")

    def told(done: int, seeds: int) -> None:
        display.step(f"seed {done}", "computed")
        if done < seeds:
            display.begin(f"seed {done + 1}")

    try:
        calibration = calibrate_nation(
            spec,
            seeds=arguments.seeds,
            blocks=arguments.blocks,
            multiplier=arguments.als_incidence_multiplier,
            to=arguments.to,
            workers=arguments.threads,
            progress=told,
        )
    finally:
        display.finish()
    say(repr(calibration))
    say("\n".join(str(place) for place in write_calibration(calibration, arguments.to)))
    return 0
