"""The bridge between the two shipped studies on an enriched nation: point estimates, then the bootstrap by itself.

    equipoise simulate --persons 100000 --als-incidence-multiplier 60 --views register,network --to /tmp/nation
    python benchmarks/bridge.py /tmp/nation --replicates 200

The second run takes the point estimates from the store, so that its time is that of the bootstrap, with the reading of
the database's description and of the truth.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import Measurement, measure

RIVALS = Path(__file__).parent / "rivals"


def said(what: str, found: Measurement) -> str:
    if found.failure:
        return f"{what}: {found.failure}"
    own = found.output
    processor = own["processor_seconds"]
    return (
        f"{what}: {found.seconds:.1f} s, {processor:.1f} s of processor, {found.peak_mib:,.0f} MiB;"
        f" {own['mixtures']:,} mixtures, {own['with_estimate']:,} with an estimate"
    )


def main(nation: str, replicates: int, limit_seconds: float) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for what, size in (("point estimates", 0), (f"{replicates:,} replicates of every mixture", replicates)):
            command = [sys.executable, str(RIVALS / "bridge_equipoise.py"), nation, scratch, str(size)]
            print(said(what, measure(command, limit_seconds, None)), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("nation")
    options.add_argument("--replicates", type=int, default=200)
    options.add_argument("--limit-seconds", type=float, default=7200.0)
    given = options.parse_args()
    main(given.nation, given.replicates, given.limit_seconds)
