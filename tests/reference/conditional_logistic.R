# Makes conditional_logistic.json: answers of R's survival on sets made here. Run: Rscript conditional_logistic.R
suppressMessages(library(survival))
control <- coxph.control(eps = 1e-14, iter.max = 60, toler.chol = 1e-15)
set.seed(20260101)
made <- function(sizes, cases) {
  set <- rep(seq_along(sizes), sizes)
  n <- length(set)
  x <- round(rnorm(n), 3)
  z <- rbinom(n, 1, 0.4)
  case <- unlist(mapply(function(m, d) sample(c(rep(1, d), rep(0, m - d))), sizes, cases, SIMPLIFY = FALSE))
  data.frame(set, case, x = round(x + 0.5 * case, 3), z, family = sample(15, n, TRUE), offset = round(runif(n), 2))
}
one <- made(rep(c(2, 4, 5), 10), rep(1, 30))
many <- made(c(rep(c(4, 6, 8), 6), 3, 2, 30), c(rep(c(2, 3, 1), 6), 3, 1, 13))
number <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
frame <- function(d) paste0("{", paste(sprintf('"%s": %s', names(d), sapply(d, number)), collapse = ", "), "}")
answer <- function(id, data, call) {
  d <- get(data)
  fit <- suppressWarnings(eval(parse(text = call)))
  naive <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
  sprintf('{"id": "%s", "data": "%s", "r_call": "%s", "coef": %s, "var": %s, "naive_var": %s, "loglik": %s, "score": %s}',
    id, data, gsub('"', "'", call), number(coef(fit)), number(fit$var), number(naive), number(fit$loglik), number(fit$score))
}
call <- function(formula, ties, rest = "")
  sprintf('coxph(Surv(rep(1, nrow(d)), case) ~ %s + strata(set), d, ties="%s"%s, control=control)', formula, ties, rest)
cases <- c()
for (data in c("one", "many")) for (ties in c("exact", "efron", "breslow")) {
  cases <- c(cases, answer(paste(data, ties, sep = "_"), data, call("x + z", ties)))
  cases <- c(cases, answer(paste(data, ties, "interaction", sep = "_"), data, call("x * z", ties)))
  if (ties != "exact")
    cases <- c(cases, answer(paste(data, ties, "cluster", sep = "_"), data, call("x + z", ties, ", cluster=family")))
  cases <- c(cases, answer(paste(data, ties, "offset", sep = "_"), data, call("x + z + offset(offset)", ties)))
}
cat(sprintf('{"made_by": "%s, survival %s", "data": {"one": %s, "many": %s},\n"cases": [\n%s\n]}\n',
  R.version.string, packageVersion("survival"), frame(one), frame(many), paste(cases, collapse = ",\n")),
  file = "conditional_logistic.json")
