"""The step that estimates what becomes of function after time zero, in one comparison of a follow-up design."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from equipoise.analysis_set import AnalysisSet, Measurements
from equipoise.data.source import Source
from equipoise.runner.artifact import Artifact
from equipoise.runner.follow_up_protocol import FollowUpProtocol, read_follow_up
from equipoise.runner.function_joint import joint_rows
from equipoise.runner.function_ranks import rank_rows
from equipoise.runner.function_rows import Compared, Row
from equipoise.runner.function_sets import unpack_measurements
from equipoise.runner.function_stages import progression_rows, stage_rows
from equipoise.runner.function_trajectories import curve_rows, trajectory_rows
from equipoise.runner.packing import unpack_analysis_set
from equipoise.spec.function import Function

Inputs = Mapping[str, Artifact]
Maker = Callable[[Compared], Iterator[Row]]
MADE: dict[str, tuple[tuple[str, Maker], ...]] = {
    "trajectory": (("function", trajectory_rows), ("trajectories", curve_rows)),
    "progression": (("function", progression_rows),),
    "stages": (("stages", stage_rows),),
    "ranks": (("function", rank_rows),),
    "joint": (("function", joint_rows),),
}
"""What `gives` may name → the tables it fills."""


def estimates(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the tables function, trajectories and stages; an estimate that cannot be given has a reason."""
    protocol = read_follow_up(subset)
    people = unpack_analysis_set(inputs["analysis_set"])
    measured = unpack_measurements(inputs["measurements"])
    function = Function.model_validate(subset["function"])
    compared = compared_of(people, measured, function, protocol, subset["conf_level"])
    key = protocol.key(subset["id"])
    tables = {name: [key | row for row in rows] for name, rows in function_rows(compared).items()}
    return Artifact({}, tables)


def compared_of(
    people: AnalysisSet, measured: Measurements, function: Function, protocol: FollowUpProtocol, conf_level: float
) -> Compared:
    """A comparison with its names."""
    return Compared(people, measured, function, protocol.arm_labels, protocol.contrast_label, conf_level)


def function_rows(compared: Compared) -> dict[str, list[Row]]:
    """Every row asked for, by table."""
    tables: dict[str, list[Row]] = {"function": [], "trajectories": [], "stages": []}
    for kind in compared.function.gives:
        for name, make in MADE[kind]:
            tables[name] += make(compared)
    return tables
