"""Public reference cases that no test compares: what the product does not offer, with the reason."""

META = ("FE_z", "DL_z", "DL_knha", "REML_z", "REML_knha", "PM_z", "PM_knha", "ML_z", "ML_knha")

NOT_OFFERED: dict[str, str] = {
    "cox_rats_gammafrailty": "shared frailty; a variance clustered by group is offered",
    **dict.fromkeys(
        (f"survreg_lung_{name}" for name in ("weibull", "exponential", "lognormal", "loglogistic")),
        "parametric (accelerated failure time) survival",
    ),
    "ncc_wpl_gam": "sampling probabilities of a generalised additive model; four other kinds are compared",
    "multistate_mgus2_AJ": "probabilities of states that can be left again; the hazards between them are compared",
    "glm_lalonde_probit": "probit link",
    "lm_lalonde": "linear regression of an outcome without time",
    "negbin_quine": "negative binomial regression; Poisson with overdispersion or a robust variance is offered",
    **dict.fromkeys(
        ("gee_respiratory_exchangeable", "gee_respiratory_ar1"),
        "working correlation; the independence equations are compared",
    ),
    **dict.fromkeys((f"meta_bcg_{name}" for name in META), "meta-analysis"),
    "sccs_eventdependent_exposure_rotavirus": "event-dependent exposure (pseudo-likelihood)",
    "sccs_eventdependent_observation_nrt": "event-dependent observation periods",
    "mmrm_orthodont_unstructured": "residual covariance matrix by visit",
    "lme_orthodont_AR1": "autocorrelated residuals",
    "glmer_cbpp_nAGQ9": "generalised mixed models",
    "match_mahalanobis": "distances in several covariates; scores and exact strata are compared",
    "whatif_13_standardisation": "standardization over a linear regression",
}
