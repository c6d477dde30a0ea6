"""Cumulative incidence and Gray's test against R's survival and cmprsk on the mgus2 data."""

import numpy as np

from equipoise.estimators.cumulative_incidence import compare_cumulative_incidence, fit_cumulative_incidence
from tests.reference.agreement import agree
from tests.reference.public_cases import case
from tests.reference.survival_cases import mgus2, numbers

PRINTED = 1e-12  # relative: R prints 15 digits and both sides add up a few hundred terms
ACCUMULATED = 1e-10  # variances made of cumulated products lose some digits more


def test_aalen_johansen_with_the_infinitesimal_jackknife() -> None:
    name = "aj_mgus2_sex"
    expected = case(name)["result"]
    fit = fit_cumulative_incidence(mgus2(), time="etime", event="cause", by="sex")
    times = list(dict.fromkeys(expected["time"]))
    found = fit.incidence_at(times)
    for cause in (1, 2):
        rows = found[found["cause"] == cause]
        pairs = {"pstate": "estimate", "std_err": "std_error", "lower": "conf_low", "upper": "conf_high"}
        for theirs, ours in pairs.items():
            tolerance = PRINTED if theirs == "pstate" else ACCUMULATED
            agree(name, ours, rows[ours], numbers(expected[theirs])[:, cause], relative=tolerance)
        hazard = []
        for _, group in fit.tidy().query("cause == @cause").groupby("group", sort=False):
            place = np.searchsorted(group["time"], times, side="right") - 1
            hazard.append(group["cumulative_hazard"].to_numpy()[place])
        agree(name, "hazard", np.concatenate(hazard), numbers(expected["cumhaz"])[:, cause - 1], relative=PRINTED)
    free = fit.event_free.survival_at(times)
    agree(name, "estimate", free["estimate"], numbers(expected["pstate"])[:, 0], relative=PRINTED)
    agree(name, "std_error", free["std_error"], numbers(expected["std_err"])[:, 0], relative=ACCUMULATED)
    agree(name, "conf_low", free["conf_low"], numbers(expected["lower"])[:, 0], relative=ACCUMULATED)
    agree(name, "n_risk", free["n_risk"], numbers(expected["n_risk"])[:, 0])


def test_aalens_variance_and_grays_test() -> None:
    name = "cuminc_mgus2_gray"
    answer = case(name)
    expected = answer["result"]
    fit = fit_cumulative_incidence(mgus2(), time="etime", event="cause", by="sex", robust=False)
    found = fit.incidence_at(answer["spec"]["times"])
    for curve, estimate, variance in zip(expected["curves"], expected["est"], expected["var"], strict=True):
        sex, cause = curve.split()
        rows = found[(found["group"] == f"sex={sex}") & (found["cause"] == int(cause))]
        agree(name, "estimate", rows["estimate"], estimate, relative=PRINTED)
        agree(name, "variance", rows["std_error"] ** 2, variance, relative=ACCUMULATED)
    test = compare_cumulative_incidence(mgus2(), time="etime", event="cause", by="sex")
    agree(name, "Gray's test", test.statistic, expected["gray"]["stat"], relative=ACCUMULATED)
    agree(name, "p-values", test.p_value, expected["gray"]["pv"], relative=ACCUMULATED)
    agree(name, "degrees of freedom", test.df, expected["gray"]["df"])
