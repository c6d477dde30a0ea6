"""Walks the steps of a study: works out each key, takes what the store has, computes what it lacks."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from equipoise.runner.artifact import Artifact
from equipoise.runner.code_hash import code_hash, library_versions
from equipoise.runner.failures import Failure, stops_the_run
from equipoise.runner.progress import Progress, State
from equipoise.runner.step import Step
from equipoise.runner.store import Shelf
from equipoise.spec.canonical import canonical_json


class Inputs(Mapping[str, Artifact]):
    """The artefacts a step needs, loaded when they are first asked for."""

    def __init__(self, shelf: Shelf, keys: Mapping[str, str]):
        self._shelf, self._keys = shelf, dict(keys)

    def __getitem__(self, role: str) -> Artifact:
        return self._shelf.load(self._keys[role])

    def __iter__(self) -> Any:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@dataclass
class Walk:
    """One pass over the steps of a study. `states` and `seconds` tell, by step, what happened and how long it took.

    `failures` holds the steps that failed and those that need one of them, where the walk was told to go on.
    """

    source: Any
    shelf: Shelf
    progress: Progress
    keys: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    def run(self, steps: Iterable[Step], *, go_on: bool = False) -> None:
        """Bring every step about, in order. With `go_on` a step that fails takes only those that need it with it."""
        steps = tuple(steps)
        self.progress.start(len(steps))
        try:
            for step in steps:
                if go_on:
                    self._try(step)
                else:
                    self._bring_about(step)
        finally:
            self.progress.finish()

    def _try(self, step: Step) -> None:
        lacking = next((self.failures[name] for name in step.needs.values() if name in self.failures), None)
        try:
            if lacking is None:
                self._bring_about(step)
        except Exception as error:
            if stops_the_run(error, step.reads_source):
                raise
            lacking = Failure(step.name, error)
        if lacking is not None:
            self.failures[step.name], self.states[step.name] = lacking, "failed"
            self.progress.step(step.name, "failed")

    def artifact(self, name: str) -> Artifact:
        return self.shelf.load(self.keys[name])

    def key_of(self, step: Step) -> str:
        """Name of a step's artefact: what it does, to what, with which code. Upstream enters by content."""
        module = step.function.partition(":")[0]
        parts = {
            "function": step.function,
            "subset": step.subset,
            "needs": {role: self.digests[name] for role, name in step.needs.items()},
            "source": self._fingerprint() if step.reads_source else None,
            "code": code_hash(module, *(("data",) if step.reads_source else ())),
            "libraries": library_versions(),
        }
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()

    def _fingerprint(self) -> str:
        # A source that cannot be told apart from its later self is read anew every time.
        return self.source.fingerprint() or uuid.uuid4().hex

    def _bring_about(self, step: Step) -> None:
        began = time.perf_counter()
        self.progress.begin(step.name)
        key = self.keys[step.name] = self.key_of(step)
        digest = self.shelf.digest(key)
        state: State = "computed" if digest is None else "cached"
        if digest is None:
            made = self._compute(step)
            if step.reads_source:
                self.source.fingerprint()  # refuses data that changed while they were read
            digest = self.shelf.keep(key, made)
        self.digests[step.name], self.states[step.name] = digest, state
        self.seconds[step.name] = time.perf_counter() - began
        self.progress.step(step.name, state)

    def _compute(self, step: Step) -> Artifact:
        module, _, function = step.function.partition(":")
        inputs = Inputs(self.shelf, {role: self.keys[name] for role, name in step.needs.items()})
        return getattr(import_module(module), function)(inputs, step.subset, self.source)
