"""`equipoise demo`: a complete study on a simulated database that the command makes itself."""

from argparse import Namespace
from contextlib import closing

from equipoise.cli.carry_out import carry_out
from equipoise.cli.demo_database import kept_demo
from equipoise.data.connect import connect
from equipoise.runner.store import Store
from equipoise.simulate.demo import demo_study


def execute(arguments: Namespace) -> int:
    database = kept_demo(Store(arguments.store))
    with closing(connect(database, threads=arguments.threads, memory_limit=arguments.memory_limit)) as source:
        return carry_out(demo_study(), source, arguments)
