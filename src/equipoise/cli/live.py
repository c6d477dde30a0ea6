"""Progress as a bar that moves, for terminals."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from equipoise.runner.progress import State


class LiveProgress:
    """A bar on standard error that disappears when the run is over. Honours NO_COLOR."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(file=sys.stderr),
            transient=True,
        )

    def start(self, n_steps: int) -> None:
        self._task = self._bar.add_task("", total=n_steps)
        self._bar.start()

    def begin(self, name: str) -> None:
        self._bar.update(self._task, description=name)

    def step(self, name: str, state: State) -> None:
        self._bar.advance(self._task)

    def finish(self) -> None:
        self._bar.stop()
