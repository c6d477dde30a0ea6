"""What children have from their parents: a polygenic value and the alleles of one gene.

Purpose: one pass over persons in order of birth, parents before children.
Required order: `order` lists rows so that a parent stands before every child; a parent row of -1 means unknown.
Returned: nothing; `value` and `alleles` of the listed rows are overwritten.
Model: a child's value is the mean of its parents' plus Mendelian sampling, value = (mother + father)/2 + sqrt(1/2)·z,
    so that a population of unrelated parents keeps mean 0 and variance 1, full siblings correlate 1/2 and half
    siblings 1/4. A child gets each parent's allele with probability (alleles of the parent)/2. Without known parents
    (either of them is -1), or with `shared` false for the value, the child is a founder: value z, alleles as they
    came.
Cost: linear.
Paper: Bulmer. The Mathematical Theory of Quantitative Genetics. Oxford 1980, ch. 9.
"""

import numpy as np

from equipoise.kernels.jit import compiled


@compiled
def inherit(order, mother, father, z, uniform, shared, value, alleles):
    """order int64 (m,); mother, father int64 (n,); z float64 (n,); uniform float64 (n, 2); value, alleles longer."""
    half = np.sqrt(0.5)
    for k in range(len(order)):
        i = order[k]
        m, f = mother[i], father[i]
        if m < 0 or f < 0:
            value[i] = z[i]
            continue
        value[i] = 0.5 * (value[m] + value[f]) + half * z[i] if shared else z[i]
        alleles[i] = (uniform[i, 0] < 0.5 * alleles[m]) + (uniform[i, 1] < 0.5 * alleles[f])
