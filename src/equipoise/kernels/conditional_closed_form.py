"""The conditional likelihood of sets with one row against the others.

Purpose    log-likelihood, score and lower triangle of the information, for 1:m and m:1 sets.
Order      as in `conditional_logistic`. `sign` is 1.0 where the single row is the case, -1.0 where it is the control.
Method     with z = sign (x - x_single) and eta = z beta, l = -log(1 + sum e^eta). Sets are taken in blocks. A block is
           laid out by column, then by place in the set, then by set, so that every loop runs over many sets at once:
           differences, eta, probabilities, means; the information is an inner product of columns. A set with fewer
           rows than the longest of its block is filled up with rows of probability zero.
Singular   a column constant within every set gives a zero row in the information.
Cost       n p^2 / 2 multiplications and n exponentials; scratch for one block.
Paper      Breslow, Day: Statistical Methods in Cancer Research I (1980), chapter 7.
"""

import math

import numpy as np

from equipoise.kernels.exponential import exponentials
from equipoise.kernels.gram import add_gram
from equipoise.kernels.jit import compiled, compiled_sums

BLOCK = 500  # rows of a block; not a power of two, so that columns do not share cache lines
WASTE = 2  # a block's places are at most twice its rows


def closed_form(x, offset, start, stop, single, sign, beta, score, lower):
    """Add to score (p,) and to the lower triangle of `lower` (p, p); return the log-likelihood."""
    p = x.shape[1]
    even = p + p % 2
    width = max(BLOCK, int((stop - start).max()) - 1)
    information = np.zeros((even, even))
    scratch = _scratch(even, width)
    total = _in_blocks(x, offset, start, stop, single, sign, beta, score, information, width, BLOCK, scratch)
    lower += information[:p, :p]
    return total


def _scratch(even: int, width: int) -> tuple[np.ndarray, ...]:
    """Made here and not in the kernel, where it would be compiled anew."""
    rows = np.zeros((even, width)), np.zeros((even, width)), np.zeros(width), np.zeros(width)
    sets = np.zeros((even, BLOCK)), np.zeros((even, BLOCK)), np.zeros(BLOCK), np.zeros(BLOCK), np.zeros(BLOCK)
    return rows + sets


@compiled
def _in_blocks(x, offset, start, stop, single, sign, beta, score, information, width, block, scratch):
    """One pass over all sets, in blocks of at most `block` sets and `width` rows."""
    p = x.shape[1]
    z, weighted, eta, work, single_x, mean, top, denominator, side = scratch
    total, s = 0.0, np.int64(0)  # typed as later values of s, so that _extent is compiled once
    while s < start.shape[0]:
        m, places = _extent(start, stop, s, block, width)
        for t in range(m):  # 1. lay out
            i_single, j, side[t] = single[s + t], t, sign[s + t]
            for k in range(p):
                single_x[k, t] = x[i_single, k]
            for i in range(start[s + t], stop[s + t]):
                if i != i_single:
                    for k in range(p):
                        z[k, j] = x[i, k]
                    eta[j] = side[t] * (offset[i] - offset[i_single]) if offset.shape[0] else 0.0
                    j += m
            while j < places * m:
                for k in range(p):
                    z[k, j] = x[i_single, k]
                eta[j] = -np.inf
                j += m
        _subtract(p, places, m, side, single_x, z)  # 2. differences and eta
        for k in range(p):
            for j in range(places * m):
                eta[j] += beta[k] * z[k, j]
        total -= _probabilities(places, m, eta, work, top, denominator)  # 3. probabilities
        _weigh(p, places, m, eta, z, weighted, mean)  # 4. means
        _subtract_sums(mean, m, score)
        add_gram(weighted, z, places * m, 1.0, information)  # 5. second moments less squared means
        add_gram(mean, mean, m, -1.0, information)
        s += m
    return total


@compiled
def _extent(start, stop, s, block, width):
    """How many sets from s on make a block, and the places of the longest of them."""
    sets, places, rows = 0, 0, 0
    while s + sets < start.shape[0] and sets < block:
        more = stop[s + sets] - start[s + sets] - 1
        needed = max(places, more) * (sets + 1)
        if sets > 0 and (needed > width or needed > WASTE * (rows + more)):
            break
        sets, places, rows = sets + 1, max(places, more), rows + more
    return sets, places


@compiled
def _subtract(p, places, sets, side, single_x, z):
    for k in range(p):
        for place in range(places):
            for t in range(sets):
                j = place * sets + t
                z[k, j] = side[t] * (z[k, j] - single_x[k, t])


@compiled
def _probabilities(places, sets, eta, work, top, denominator):
    """Turn eta into probabilities against the single row at eta = 0; return the sum of the logs of denominators."""
    for t in range(sets):
        top[t] = 0.0
    for place in range(places):
        for t in range(sets):
            top[t] = max(top[t], eta[place * sets + t])
    for place in range(places):
        for t in range(sets):
            eta[place * sets + t] -= top[t]
    exponentials(eta, places * sets, work)
    for t in range(sets):
        denominator[t] = math.exp(-top[t])
    for place in range(places):
        for t in range(sets):
            denominator[t] += eta[place * sets + t]
    logs = 0.0
    for t in range(sets):
        logs += top[t] + math.log(denominator[t])
        denominator[t] = 1.0 / denominator[t]
    for place in range(places):
        for t in range(sets):
            eta[place * sets + t] *= denominator[t]
    return logs


@compiled_sums
def _subtract_sums(mean, sets, score):
    for k in range(score.shape[0]):
        total = 0.0
        for t in range(sets):
            total += mean[k, t]
        score[k] -= total


@compiled
def _weigh(p, places, sets, probability, z, weighted, mean):
    for k in range(p):
        for t in range(sets):
            mean[k, t] = 0.0
        for place in range(places):
            for t in range(sets):
                j = place * sets + t
                weighted[k, j] = probability[j] * z[k, j]
                mean[k, t] += weighted[k, j]
