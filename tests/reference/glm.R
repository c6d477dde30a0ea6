# Makes glm.json: answers of R (stats, sandwich, brglm2, gnm, epiR) on data made here. Run: Rscript glm.R
suppressMessages({ library(sandwich); library(brglm2); library(gnm); library(epiR) })
options(digits = 17)
set.seed(20261101)
n <- 90
people <- data.frame(
  x = round(rnorm(n), 3), z = rbinom(n, 1, 0.4), family = sample(20, n, TRUE), weight = round(runif(n, 0.2, 3), 2),
  offset = round(rnorm(n, 0, 0.3), 2), time = round(rexp(n, 1 / 200)) + 5
)
people$case <- rbinom(n, 1, plogis(-0.6 + 0.7 * people$x + 0.4 * people$z))
people$count <- rpois(n, people$time * exp(-5 + 0.3 * people$x - 0.2 * people$z))
apart <- data.frame(x = c(-1.2, -0.4, 0.1, 0.3, 0.8, 1.5, 2.2, -0.7, 0.5, 1.1), z = c(0, 0, 0, 1, 1, 1, 1, 0, 0, 0),
  case = c(0, 1, 0, 1, 1, 1, 1, 0, 1, 0), count = c(0, 2, 0, 0, 0, 0, 0, 1, 3, 1))
series <- data.frame(person = rep(1:25, each = 4), risk = rep(c(0, 1, 0, 0), 25), age = rep(0:3, 25))
series$days <- sample(10:90, 100, TRUE)
series$weight <- round(runif(100, 0.3, 2), 2)
series$count <- rpois(100, series$days * exp(-3.6 + 0.6 * series$risk + 0.2 * series$age))
tight <- glm.control(epsilon = 1e-15, maxit = 100)
number <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
frame <- function(d) paste0("{", paste(sprintf('"%s": %s', names(d), sapply(d, number)), collapse = ", "), "}")
record <- function(id, data, call, ...) {
  parts <- list(...)
  body <- paste(sprintf('"%s": %s', names(parts), sapply(parts, number)), collapse = ", ")
  sprintf('{"id": "%s", "data": "%s", "r_call": "%s", %s}', id, data, gsub('"', "'", call), body)
}
# where the deviance, minimised over the other coefficients, has risen by the chi-squared quantile
profile_limits <- function(d, y, columns, family, offset, j, weights) {
  x <- cbind(1, as.matrix(d[columns]))
  full <- suppressWarnings(glm.fit(x, d[[y]], weights = weights, offset = offset, family = family, control = tight))
  excess <- function(b) suppressWarnings(glm.fit(x[, -j, drop = FALSE], d[[y]], weights = weights,
    offset = offset + b * x[, j], family = family, control = tight))$deviance - full$deviance - qchisq(0.95, 1)
  b <- full$coefficients[j]
  s <- sqrt(chol2inv(full$qr$qr)[j, j])
  c(uniroot(excess, c(b - 6 * s, b), tol = 1e-13)$root, uniroot(excess, c(b, b + 6 * s), tol = 1e-13)$root)
}
glms <- function(id, call, y, family, offset = rep(0, n), weights = rep(1, n)) {
  d <- people
  fit <- suppressWarnings(eval(parse(text = call)))
  limits <- sapply(1:3, function(j) profile_limits(d, y, c("x", "z"), family, offset, j, weights))
  kinds <- lapply(c("HC0", "HC1", "HC2", "HC3"), function(k) vcovHC(fit, type = k))
  record(id, "people", call, coef = coef(fit), var = vcov(fit), loglik = as.numeric(-fit$deviance / 2),
    null_deviance = fit$null.deviance, deviance = fit$deviance, profile = limits,
    HC0 = kinds[[1]], HC1 = kinds[[2]], HC2 = kinds[[3]], HC3 = kinds[[4]],
    CL0 = vcovCL(fit, cluster = ~family, type = "HC0"), CL1 = vcovCL(fit, cluster = ~family, type = "HC1"),
    pearson = residuals(fit, "pearson"), residuals = residuals(fit, "deviance"), working = residuals(fit, "working"))
}
firth <- function(id, call) {
  d <- apart
  fit <- eval(parse(text = call))
  record(id, "apart", call, coef = coef(fit), var = vcov(fit))
}
brglm <- 'method="brglmFit", type="MPL_Jeffreys", control=list(epsilon=1e-14, maxit=2000)'
eliminated <- function(id, call) {
  d <- series
  fit <- eval(parse(text = call))
  record(id, "series", call, coef = coef(fit), var = vcov(fit))
}
# Two-by-two tables over strata: exposed cases, exposed others, unexposed cases, unexposed others
tables <- array(c(12, 30, 5, 41, 20, 22, 9, 33, 7, 61, 6, 70), c(2, 2, 3))
two <- epi.2by2(as.table(aperm(tables, c(2, 1, 3))), method = "cohort.count", conf.level = 0.95)$massoc.detail
time <- array(c(12, 310.5, 5, 415, 20, 222, 9, 333.25, 7, 611, 6, 700), c(2, 2, 3))
rates <- epi.2by2(as.table(aperm(time, c(2, 1, 3))), method = "cohort.time", conf.level = 0.95, units = 1)$massoc.detail
mh <- mantelhaen.test(aperm(tables, c(2, 1, 3)))
exact <- mantelhaen.test(aperm(tables, c(2, 1, 3)), exact = TRUE)
summaries <- record("mantel_haenszel", "tables", "epi.2by2, mantelhaen.test",
  tables = tables, time = time, odds_ratio = unlist(two$OR.mh.wald), risk_ratio = unlist(two$RR.mh.wald),
  rate_ratio = unlist(rates$IRR.mh.wald), odds_test = c(mh$estimate, mh$conf.int, mh$statistic, mh$p.value),
  odds_exact = c(exact$estimate, exact$conf.int, exact$p.value))
obs <- matrix(c(12, 30, 51, 7, 22, 80), 2, byrow = TRUE, dimnames = list(c("A", "B"), c("young", "middle", "old")))
tar <- matrix(c(1200, 1500, 900, 2300, 1100, 1400), 2, byrow = TRUE, dimnames = dimnames(obs))
std <- matrix(c(5000, 3000, 2000), 1, dimnames = list("", colnames(obs)))
direct <- epi.directadj(obs, tar, std, units = 1, conf.level = 0.95)
adjusted <- record("standardized", "obs", "epi.directadj", obs = t(obs), tar = t(tar), std = std,
  crude = unlist(direct$crude.strata$est), direct = unlist(direct$adj.strata[c("est", "lower", "upper")]))
cells <- data.frame(smoke = c(0, 0, 1, 1), asbestos = c(0, 1, 0, 1), deaths = c(11, 58, 123, 602))
joint <- glm(deaths ~ smoke * asbestos + offset(rep(log(1e5), 4)), poisson, cells, control = tight)
together <- epi.interaction(joint, coef = c(2, 3, 4), param = "product", conf.level = 0.95)
interaction <- record("interaction", "cells", "epi.interaction", reri = unlist(together$reri), ap = unlist(together$apab),
  synergy = unlist(together$s), multiplicative = unlist(together$multiplicative))
cases <- c(
  glms("logistic", "glm(case ~ x + z, binomial, d, control=tight)", "case", binomial()),
  glms("logistic_offset", "glm(case ~ x + z + offset(offset), binomial, d, control=tight)", "case", binomial(), people$offset),
  glms("logistic_weights", "glm(case ~ x + z, binomial, d, weights=weight, control=tight)", "case", binomial(), weights = people$weight),
  glms("poisson", "glm(count ~ x + z, poisson, d, control=tight)", "count", poisson()),
  glms("poisson_offset", "glm(count ~ x + z + offset(log(time)), poisson, d, control=tight)", "count", poisson(), log(people$time)),
  glms("poisson_weights", "glm(count ~ x + z, poisson, d, weights=weight, control=tight)", "count", poisson(), weights = people$weight),
  firth("firth_logistic", sprintf("glm(case ~ x + z, binomial, d, %s)", brglm)),
  firth("firth_poisson", sprintf("glm(count ~ x + z, poisson, d, %s)", brglm)),
  eliminated("series", "gnm(count ~ risk + age + offset(log(days)), eliminate=factor(person), family=poisson, data=d, tolerance=1e-14, verbose=FALSE)"),
  eliminated("series_weights", "gnm(count ~ risk + age + offset(log(days)), eliminate=factor(person), family=poisson, data=d, weights=weight, tolerance=1e-14, verbose=FALSE)"),
  summaries, adjusted, interaction)
cat(sprintf('{"made_by": "%s, sandwich %s, brglm2 %s, gnm %s, epiR %s", "data": {"people": %s, "apart": %s, "series": %s},\n"cases": [\n%s\n]}\n',
  R.version.string, packageVersion("sandwich"), packageVersion("brglm2"), packageVersion("gnm"), packageVersion("epiR"),
  frame(people), frame(apart), frame(series), paste(cases, collapse = ",\n")), file = "glm.json")
