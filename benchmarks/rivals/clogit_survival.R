# R's survival::clogit. Usage: Rscript clogit_survival.R FOLDER exact|efron|breslow
arguments <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(survival))
shape <- readLines(file.path(arguments[1], "shape.json"), warn = FALSE)
whole <- function(name) as.integer(sub(paste0('.*"', name, '": ([0-9]+).*'), "\\1", shape))
n <- whole("rows"); p <- whole("columns")
read <- function(name, what, size, count) readBin(file.path(arguments[1], name), what, count, size = size)
d <- data.frame(matrix(read("x.f8", "double", 8, n * p), n, p))
covariates <- paste(names(d), collapse = " + ")
d$case <- read("case.i4", "integer", 4, n)
d$set <- read("set.i4", "integer", 4, n)
formula <- as.formula(paste("case ~", covariates, "+ strata(set)"))
seconds <- system.time(fit <- clogit(formula, d, method = arguments[2]))[["elapsed"]]
cat(sprintf('{"seconds": %.4f, "version": "survival %s", "coefficients": [%s]}\n',
  seconds, packageVersion("survival"), paste(sprintf("%.17g", coef(fit)), collapse = ", ")))
