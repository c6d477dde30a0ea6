# R's glm (with sandwich::vcovCL if clustered), gnm and survival::clogit. Usage: FOLDER MODEL plain|clustered|clogit
arguments <- commandArgs(trailingOnly = TRUE)
shape <- readLines(file.path(arguments[1], "shape.json"), warn = FALSE)
whole <- function(name) as.integer(sub(paste0('.*"', name, '": ([0-9]+).*'), "\\1", shape))
n <- whole("rows"); p <- whole("columns")
read <- function(name, what, size, count) readBin(file.path(arguments[1], name), what, count, size = size)
d <- data.frame(matrix(read("x.f8", "double", 8, n * p), n, p))
covariates <- paste(names(d), collapse = " + ")
for (name in c("y", "days", "person")) d[[name]] <- read(paste0(name, ".i4"), "integer", 4, n)
model <- arguments[2]; how <- arguments[3]
formula <- function(right) as.formula(paste("y ~", covariates, right))
took <- system.time({
  if (model == "logistic") {
    fit <- glm(formula(""), binomial, d)
  } else if (model == "poisson") {
    fit <- glm(formula("+ offset(log(days))"), poisson, d)
  } else if (how == "clogit") {
    suppressMessages(library(survival))
    fit <- clogit(formula("+ offset(log(days)) + strata(person)"), d, method = "exact")
  } else {
    suppressMessages(library(gnm))
    fit <- gnm(formula("+ offset(log(days))"), eliminate = factor(person), family = poisson, data = d, verbose = FALSE)
  }
  variance <- if (how == "clustered") sandwich::vcovCL(fit, cluster = d$person) else vcov(fit)
})
number <- function(v) paste(sprintf("%.17g", v), collapse = ", ")
cat(sprintf('{"seconds": %.4f, "coefficients": [%s], "std_errors": [%s]}\n', took[["elapsed"]], number(coef(fit)),
  number(sqrt(diag(as.matrix(variance))))))
