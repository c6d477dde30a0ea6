"""The database a command line names."""

from argparse import Namespace
from contextlib import AbstractContextManager, closing

from equipoise.data.connect import connect
from equipoise.data.source import Source


def named_database(arguments: Namespace) -> AbstractContextManager[Source]:
    """The source of `--data`, with the limits asked for; closed at the end."""
    return closing(
        connect(
            arguments.data,
            snapshot=arguments.snapshot,
            threads=arguments.threads,
            memory_limit=arguments.memory_limit,
        )
    )
