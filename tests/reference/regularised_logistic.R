# Writes regularised_logistic.json: glmnet on data made by a formula, which the test repeats.
# Run: Rscript tests/reference/regularised_logistic.R
suppressMessages(library(glmnet))
n <- 300; p <- 12
draw <- function(k) ((1:n)^2 * (k * k + 3) + (1:n) * 7919 * k + k * 311) %% 1009 / 1009
x <- sapply(1:p, function(k) as.numeric(draw(k) < k / (p + 2)))
x[, 1] <- floor(40 + 40 * draw(1))
x[, 2] <- ifelse(draw(2) < 0.2, 100 * draw(20), 0)
eta <- (x[, 1] - 60) / 15 + x[, 3] - x[, 4] + 0.7 * x[, 6]
y <- as.numeric(draw(50) < 1 / (1 + exp(-eta)))
weight <- floor(4 * draw(60))
factor <- rep(1, p); factor[c(1, 5)] <- 0; factor[6] <- 2.5
fold <- (0:(n - 1)) %% 5
glmnet.control(fdev = 0, devmax = 1)
at <- function(lambda, ...) {
  path <- c(10, 3, 1) * lambda
  fit <- glmnet(x, y, "binomial", lambda = path, thresh = 1e-20, maxit = 1e7, ...)
  as.numeric(coef(fit, s = lambda))
}
cases <- list(
  lasso = at(0.02, standardize = FALSE),
  net = at(0.03, standardize = FALSE, alpha = 0.4),
  ridge = at(0.05, standardize = FALSE, alpha = 0),
  standardized = at(0.02, standardize = TRUE),
  weighted = at(0.02, standardize = FALSE, weights = weight)
)
# glmnet rescales factors to a mean of 1; the penalty is scaled back
cases$factors <- at(0.02 * mean(factor), standardize = FALSE, penalty.factor = factor)
path <- 0.1 * 0.7^(0:14)
cv <- cv.glmnet(x, y, family = "binomial", lambda = path, foldid = fold + 1, standardize = FALSE, thresh = 1e-14)
number <- function(v) paste0("[", paste(sprintf("%.17g", v), collapse = ", "), "]")
lines <- sprintf('  "%s": %s', names(cases), sapply(cases, number))
lines <- c(lines, sprintf('  "cv_penalties": %s', number(path)), sprintf('  "cv_deviance": %s', number(cv$cvm)),
  sprintf('  "cv_std_error": %s', number(cv$cvsd)), sprintf('  "cv_minimum": %.17g', cv$lambda.min),
  sprintf('  "cv_one_standard_error": %.17g', cv$lambda.1se),
  sprintf('  "made_by": "R %s, glmnet %s"', getRversion(), packageVersion("glmnet")))
writeLines(c("{", paste(lines, collapse = ",\n"), "}"), "tests/reference/regularised_logistic.json")
