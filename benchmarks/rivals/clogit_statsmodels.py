"""statsmodels' ConditionalLogit. Usage: clogit_statsmodels.py FOLDER."""

import json
import sys
import time
import warnings
from pathlib import Path

from matched_sets import read
from statsmodels.discrete.conditional_models import ConditionalLogit

warnings.simplefilter("ignore")
x, case, matched_set = read(Path(sys.argv[1]))
began = time.perf_counter()
found = ConditionalLogit(case, x, groups=matched_set).fit(disp=0)
print(json.dumps({"seconds": time.perf_counter() - began, "coefficients": found.params.tolist()}))
