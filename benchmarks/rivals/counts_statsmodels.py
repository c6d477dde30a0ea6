"""statsmodels' GLM and ConditionalPoisson. Usage: FOLDER MODEL plain|clustered."""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from count_population import read
from statsmodels.discrete.conditional_models import ConditionalPoisson

warnings.simplefilter("ignore")
x, columns = read(Path(sys.argv[1]))
model, clustered = sys.argv[2], sys.argv[3] == "clustered"
how = {"cov_type": "cluster", "cov_kwds": {"groups": columns["person"]}} if clustered else {}
began = time.perf_counter()
if model == "logistic":
    found = sm.GLM(columns["y"], sm.add_constant(x), family=sm.families.Binomial()).fit(**how)
elif model == "poisson":
    exposure = columns["days"].astype(float)
    found = sm.GLM(columns["y"], sm.add_constant(x), family=sm.families.Poisson(), exposure=exposure).fit(**how)
else:
    offset = np.log(columns["days"])
    found = ConditionalPoisson(columns["y"], x, groups=columns["person"], offset=offset).fit(disp=0)
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "coefficients": found.params.tolist(), "std_errors": found.bse.tolist()}))
