# glmnet at one penalty, or cv.glmnet with given folds and 20 penalties. Usage: FOLDER one|path SHARE
arguments <- commandArgs(trailingOnly = TRUE)
suppressMessages({library(Matrix); library(glmnet)})
shape <- readLines(file.path(arguments[1], "shape.json"), warn = FALSE)
whole <- function(name) as.integer(sub(paste0('.*"', name, '": ([0-9]+).*'), "\\1", shape))
n <- whole("rows"); p <- whole("columns")
read <- function(name, count) readBin(file.path(arguments[1], paste0(name, ".i4")), "integer", count, size = 4)
start <- read("start", p + 1)
x <- new("dgCMatrix", i = read("rows", start[p + 1]), p = start, Dim = c(n, p), x = rep(1, start[p + 1]))
y <- read("y", n)
share <- as.numeric(arguments[3])
largest <- max(abs(as.numeric(Matrix::crossprod(x, y - mean(y))))) / n
path <- largest * share^(seq(0, 19) / 19)
took <- system.time({
  if (arguments[2] == "one") {
    fit <- glmnet(x, y, "binomial", lambda = largest * share, standardize = FALSE)
  } else {
    fit <- cv.glmnet(x, y, family = "binomial", lambda = path, foldid = read("folds", n) + 1L, standardize = FALSE)
  }
})
chosen <- if (arguments[2] == "one") largest * share else fit$lambda.min
b <- as.numeric(coef(fit, s = chosen))
eta <- as.numeric(x %*% b[-1]) + b[1]
reached <- mean(pmax(eta, 0) - y * eta + log1p(exp(-abs(eta)))) + chosen * sum(abs(b[-1]))
deviance <- if (arguments[2] == "one") "" else sprintf(', "deviance": %.12g', min(fit$cvm))
cat(sprintf('{"seconds": %.4f, "objective": %.12g, "penalty": %.12g, "nonzero": %d%s}\n', took[["elapsed"]], reached,
  chosen, sum(b[-1] != 0), deviance))
