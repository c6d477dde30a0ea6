"""How a run tells what it is doing. The command line brings a display; Python callers hear nothing by default."""

from typing import Literal, Protocol

State = Literal["computed", "cached", "failed"]


class Progress(Protocol):
    def start(self, n_steps: int) -> None:
        """The run begins; it has this many steps."""

    def begin(self, name: str) -> None:
        """A step is being worked on."""

    def step(self, name: str, state: State) -> None:
        """A step is done."""

    def finish(self) -> None:
        """The run is over, also when it failed."""


class Silent:
    """Says nothing."""

    def start(self, n_steps: int) -> None: ...

    def begin(self, name: str) -> None: ...

    def step(self, name: str, state: State) -> None: ...

    def finish(self) -> None: ...
