"""Progress in plain lines, for logs."""

from equipoise.cli.output import tell
from equipoise.runner.progress import State


class PlainProgress:
    """One line for each finished step, on standard error."""

    def __init__(self) -> None:
        self.n_steps = self.n_done = 0

    def start(self, n_steps: int) -> None:
        self.n_steps, self.n_done = n_steps, 0

    def begin(self, name: str) -> None:
        """A log needs no line for a step that has only begun."""

    def step(self, name: str, state: State) -> None:
        self.n_done += 1
        width = len(str(self.n_steps))
        tell(f"[{self.n_done:{width}}/{self.n_steps}] {state:8} {name}")

    def finish(self) -> None:
        """Every line has been written."""
