# glm and, for risk, weights and sandwich with matrices; for cox, survival::coxph with a robust variance.
# Usage: FOLDER TASK

suppressMessages(library(survival))
given <- commandArgs(trailingOnly = TRUE)
n <- file.size(file.path(given[1], "time")) / 8
column <- function(name) readBin(file.path(given[1], name), "double", n = n, size = 8, endian = "little")
terms <- paste0("x", 1:10)
rows <- as.data.frame(lapply(setNames(nm = c("arm", "time", "event", terms)), column))

risk <- function(rows) {
  fit <- glm(reformulate(terms, "arm"), binomial, rows)
  x <- model.matrix(fit)
  e <- fitted(fit)
  arm <- rows$arm
  w <- ifelse(arm == 1, 1 / e, 1 / (1 - e))
  slope <- ifelse(arm == 1, -(1 - e) / e, e / (1 - e))
  of_score <- (x * (arm - e)) %*% vcov(fit)
  one <- function(side) {
    total <- sum(w * side)
    mean <- sum(w * side * rows$event) / total
    residual <- side * (rows$event - mean)
    list(mean = mean, influence = (w * residual + of_score %*% crossprod(x, slope * residual)) / total)
  }
  target <- one(arm)
  reference <- one(1 - arm)
  c(target$mean - reference$mean, sqrt(sum((target$influence - reference$influence)^2)))
}

cox <- function(rows) {
  e <- fitted(glm(reformulate(terms, "arm"), binomial, rows))
  share <- mean(rows$arm)
  rows$w <- ifelse(rows$arm == 1, share / e, (1 - share) / (1 - e))
  fit <- coxph(Surv(time, event) ~ arm, rows, weights = w, robust = TRUE)
  c(coef(fit), sqrt(vcov(fit)[1, 1]))
}

took <- system.time(answer <- switch(given[2], risk = risk(rows), cox = cox(rows)))
cat(sprintf(
  '{"seconds": %.6f, "estimate": %.12g, "std_error": %.12g}\n', took[["elapsed"]], answer[[1]], answer[[2]]
))
