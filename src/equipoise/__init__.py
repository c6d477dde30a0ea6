"""Equipoise: from a written study and a health database to a finished report.

The public names load their modules when first used, so that `import equipoise` stays light.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FACADE: dict[str, str] = {
    "read_study": "equipoise.knowledge.study_file",
    "Study": "equipoise.spec.study",
    "rem_facts": "equipoise.knowledge.rem_sleep",
    "rem_groups": "equipoise.knowledge.rem_sleep",
    "rem_score": "equipoise.knowledge.rem_sleep",
    "run": "equipoise.runner.study",
    "assemble": "equipoise.runner.study",
    "bridge": "equipoise.runner.bridge",
    "plan": "equipoise.runner.planner",
    "connect": "equipoise.data.connect",
    "AnalysisSet": "equipoise.analysis_set",
    "Attrition": "equipoise.analysis_set",
    "EquipoiseError": "equipoise.errors",
    "SpecError": "equipoise.errors",
    "SourceError": "equipoise.errors",
    "DesignError": "equipoise.errors",
    "UnsupportedError": "equipoise.errors",
    "Reason": "equipoise.errors",
    "Estimate": "equipoise.estimators.fit",
    "Fit": "equipoise.estimators.fit",
    "match": "equipoise.estimators.matching",
    "Matching": "equipoise.estimators.matching_result",
    "MatchingWarning": "equipoise.estimators.matching_result",
    "fit_average_effect": "equipoise.estimators.average_effect",
    "assess_balance": "equipoise.diagnostics.balance_assessment",
    "Balance": "equipoise.diagnostics.balance_assessment",
    "judge_balance": "equipoise.diagnostics.balance_verdict",
    "assess_generalizability": "equipoise.diagnostics.generalizability",
    "assess_power": "equipoise.diagnostics.power",
    "Gate": "equipoise.diagnostics.gate",
    "assess_gate": "equipoise.diagnostics.gate",
    "weigh": "equipoise.estimators.weighting",
    "Weighting": "equipoise.estimators.weighting",
    "stratify": "equipoise.estimators.stratification",
    "Stratification": "equipoise.estimators.stratification",
    "assess_propensity": "equipoise.estimators.propensity_scores",
    "trim": "equipoise.estimators.propensity_scores",
    "fit_weighted": "equipoise.estimators.weighted_models",
    "fit_weighted_survival_curve": "equipoise.estimators.weighted_survival",
    "fit_conditional_logistic": "equipoise.estimators.conditional_logistic",
    "fit_conditional_poisson": "equipoise.estimators.conditional_poisson",
    "fit_incidence_rates": "equipoise.estimators.rates",
    "fit_standardized_rates": "equipoise.estimators.standardized_rates",
    "fit_standardized_ratios": "equipoise.estimators.standardized_rates",
    "fit_mantel_haenszel": "equipoise.estimators.mantel_haenszel",
    "assess_additive_interaction": "equipoise.estimators.additive_interaction",
    "fit_logistic": "equipoise.estimators.logistic",
    "fit_regularised_logistic": "equipoise.estimators.regularised_logistic",
    "find_correlated_covariates": "equipoise.estimators.correlated_covariates",
    "fit_poisson": "equipoise.estimators.poisson",
    "assess_direction": "equipoise.results.direction",
    "Results": "equipoise.results.results",
    "read_results": "equipoise.results.read",
    "fit_cox": "equipoise.estimators.cox",
    "assess_proportional_hazards": "equipoise.estimators.cox_proportional_hazards",
    "write_report": "equipoise.report.write",
    "fit_survival_curve": "equipoise.estimators.survival_curve",
    "compare_survival_curves": "equipoise.estimators.survival_curve_comparison",
    "fit_cumulative_incidence": "equipoise.estimators.cumulative_incidence",
    "fit_fine_gray": "equipoise.estimators.fine_gray",
    "fit_sequential_trials": "equipoise.estimators.trial_sequential",
    "fit_clone_censor_weight": "equipoise.estimators.trial_clones",
    "fit_doubly_robust": "equipoise.estimators.trial_doubly_robust",
    "fit_g_formula": "equipoise.estimators.trial_g_formula",
    "Strategy": "equipoise.estimators.trial_strategies",
    "compare_cumulative_incidence": "equipoise.estimators.cumulative_incidence",
    "fit_joint": "equipoise.estimators.joint",
    "fit_linear_mixed": "equipoise.estimators.linear_mixed",
    "impute": "equipoise.estimators.imputation",
    "Imputations": "equipoise.estimators.imputation",
    "pool": "equipoise.estimators.pooling",
    "PooledFit": "equipoise.estimators.pooling",
    "fit_win_ratio": "equipoise.estimators.win_ratio",
    "fit_cafs": "equipoise.estimators.cafs",
    "ALSFRS_R_ITEMS": "equipoise.estimators.als_function",
    "alsfrs_r_total": "equipoise.estimators.als_function",
    "progression_rate": "equipoise.estimators.als_function",
    "kings_stage": "equipoise.estimators.als_function",
    "mitos_stage": "equipoise.estimators.als_function",
    "fit_null": "equipoise.bias.null_distribution",
    "EmpiricalNull": "equipoise.bias.null_distribution",
    "fit_systematic_error": "equipoise.bias.systematic_error",
    "calibrate_p_values": "equipoise.bias.calibration",
    "calibrate_intervals": "equipoise.bias.calibration",
    "assess_calibration": "equipoise.bias.calibration_check",
    "compute_e_value": "equipoise.bias.e_values",
    "assess_unmeasured_confounding": "equipoise.bias.unmeasured_confounding",
    "simulate_unmeasured_confounding": "equipoise.bias.unmeasured_confounding",
    "simulate_misclassification": "equipoise.bias.misclassification",
    "Beta": "equipoise.bias.beliefs",
    "Trapezoid": "equipoise.bias.beliefs",
    "read_nation": "equipoise.simulate.nation_spec",
    "NationSpec": "equipoise.simulate.nation_spec",
    "write_nation": "equipoise.simulate.write_nation",
    "compute_truth": "equipoise.simulate.true_values",
    "calibrate_nation": "equipoise.runner.calibration",
    "write_calibration": "equipoise.runner.calibration_table",
    "Nation": "equipoise.simulate.true_values",
    "SurvivalEstimand": "equipoise.simulate.estimands",
    "OnsetEstimand": "equipoise.simulate.estimands",
}

__all__ = ["__version__", *_FACADE]


def __getattr__(name: str) -> Any:
    if name in _FACADE:
        return getattr(import_module(_FACADE[name]), name)
    raise AttributeError(f"module 'equipoise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
