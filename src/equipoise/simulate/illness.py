"""How a patient is from month to month, whatever is done: function, breathing, weight, swallowing, support.

No drug changes any of it; drugs change when a patient dies (`course`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from equipoise.simulate.block import MONTH, NEVER, Disease
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.spec_course import CourseSection

FULL = 48.0
NO_MONTH = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Illness:
    """Shape (n, months), month k after onset; months of first support have shape (n,), `NO_MONTH` where never.

    lost          points of ALSFRS-R lost, 0 to 48
    capacity      vital capacity, % of predicted
    weight_loss, sialorrhoea   booleans
    niv, gastrostomy           month in which it begins
    diagnosis     (n,) month of the diagnosis
    """

    lost: np.ndarray
    capacity: np.ndarray
    weight_loss: np.ndarray
    sialorrhoea: np.ndarray
    niv: np.ndarray
    gastrostomy: np.ndarray
    diagnosis: np.ndarray

    @property
    def months(self) -> int:
        return self.lost.shape[1]

    def since_diagnosis(self) -> np.ndarray:
        """Whole months since the diagnosis, negative before it: shape (n, months)."""
        return np.arange(self.months) - self.diagnosis[:, None]


def draw_illness(spec: CourseSection, disease: Disease, draws: Draws) -> Illness:
    """The state of every patient in every month after onset."""
    month = np.arange(spec.months) + 0.5
    lost = np.minimum(disease.slope[:, None] * month, FULL)
    ratio = spec.ventilation.capacity_ratio * np.exp(spec.ventilation.capacity_spread * draws.normal("capacity"))
    capacity = np.clip(100.0 - (ratio * disease.slope)[:, None] * month, 10.0, 100.0)
    weight_loss, sialorrhoea = _symptoms(spec, disease, lost, draws)
    delay = np.minimum((disease.diagnosis.astype(np.int64) - disease.onset) / MONTH, spec.months)
    diagnosis = np.where(disease.diagnosis == NEVER, spec.months, np.floor(delay)).astype(np.int32)
    known = np.arange(spec.months) >= diagnosis[:, None]
    weak = known & (capacity < spec.ventilation.niv_capacity)
    niv = first_month(weak & (draws.months("niv", spec.months) < spec.ventilation.niv_rate))
    tube = known & weight_loss & (draws.months("gastrostomy", spec.months) < spec.symptoms.gastrostomy_rate)
    return Illness(lost, capacity, weight_loss, sialorrhoea, niv, first_month(tube), diagnosis)


def _symptoms(spec: CourseSection, disease: Disease, lost: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Weight loss sets in on a logistic curve of lost function, earlier in bulbar cases, sialorrhoea only in them."""
    rules = spec.symptoms
    early = rules.bulbar_shift * disease.bulbar
    chance = expit((lost + (early - rules.weight_loss_at)[:, None]) / rules.spread)
    # A person's own threshold, so that what has set in stays.
    weight_loss = chance > draws.uniform("symptoms")[:, None]
    sialorrhoea = disease.bulbar[:, None] & (chance > draws.uniform("symptoms", 1)[:, None])
    return weight_loss, sialorrhoea


def first_month(happens: np.ndarray) -> np.ndarray:
    """First month with a true value in each row."""
    return np.where(happens.any(axis=1), happens.argmax(axis=1), NO_MONTH).astype(np.int32)
