"""The twelve items of the ALSFRS-R, each 0 to 4, that make up a total of 0 to 48."""

import numpy as np

DOMAINS = ("bulbar", "fine motor", "gross motor", "respiratory")
ITEMS = (
    "speech", "salivation", "swallowing",
    "handwriting", "cutting food", "dressing and hygiene",
    "turning in bed", "walking", "climbing stairs",
    "dyspnoea", "orthopnoea", "respiratory insufficiency",
)  # fmt: skip
IN_DOMAIN, BEST = 3, 4
MOST = IN_DOMAIN * BEST


def items_of(total: np.ndarray, taste: np.ndarray, bulbar: np.ndarray) -> np.ndarray:
    """Split totals (n,) into items (n, 12) that sum to them.

    `taste` (n, 4), in (0, 1), is how much of the loss falls on each domain in this patient; in bulbar cases three times
    as much falls on the first domain, and everywhere less on breathing than on movement. Inside a domain the loss is
    spread as evenly as whole points allow.
    """
    share = (0.5 + taste) * np.array([0.8, 1.2, 1.2, 0.6])
    share[:, 0] = np.where(bulbar, 3.0, 1.0) * share[:, 0]
    loss = _whole(_within_limits(len(ITEMS) * BEST - total, share), len(ITEMS) * BEST - total)
    base, rest = loss // IN_DOMAIN, loss % IN_DOMAIN
    lost = base[:, :, None] + (np.arange(IN_DOMAIN) < rest[:, :, None])
    return BEST - lost.reshape(len(total), len(ITEMS))


def _within_limits(loss: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Loss by domain in proportion to `share`, none above 12; what a full domain cannot take goes to the others."""
    out = np.zeros_like(share)
    for _ in DOMAINS:
        room = (out < MOST - 1e-9) * share
        left = loss - out.sum(axis=1)
        out = np.minimum(out + left[:, None] * room / np.maximum(room.sum(axis=1), 1e-9)[:, None], MOST)
    return out


def _whole(loss: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Whole points that sum to `total`: rounded down, the rest to the largest remainders."""
    down = np.floor(loss + 1e-9).astype(np.int64)
    order = np.argsort(np.argsort(down - loss, axis=1, kind="stable"), axis=1, kind="stable")
    return down + (order < (total - down.sum(axis=1))[:, None])
