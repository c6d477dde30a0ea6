"""Public reference cases that no test compares: what the product does not offer, with the reason."""

NOT_OFFERED: dict[str, str] = {
    "cox_rats_gammafrailty": "shared frailty; a cluster-robust variance is offered instead",
    **dict.fromkeys(
        (f"survreg_lung_{name}" for name in ("weibull", "exponential", "lognormal", "loglogistic")),
        "parametric survival (accelerated failure time)",
    ),
}
