# survival::coxph. Usage: FOLDER TASK

suppressMessages(library(survival))
given <- commandArgs(trailingOnly = TRUE)
task <- given[2]
n <- file.size(file.path(given[1], "time")) / 8
column <- function(name) readBin(file.path(given[1], name), "double", n = n, size = 8, endian = "little")
terms <- paste0("x", 1:10)
more <- list(plain = NULL, entry = c("start", "weight"), cluster = "cluster")[[task]]
rows <- as.data.frame(lapply(setNames(nm = c("time", "event", more, terms)), column))
right <- paste(terms, collapse = " + ")
took <- system.time(
  fit <- switch(task,
    plain = coxph(as.formula(paste("Surv(time, event) ~", right)), rows),
    entry = coxph(as.formula(paste("Surv(start, time, event) ~", right)), rows, weights = weight),
    cluster = coxph(as.formula(paste("Surv(time, event) ~", right)), rows, cluster = cluster)
  )
)
cat(sprintf(
  '{"seconds": %.6f, "estimate": %.12g, "std_error": %.12g}\n',
  took[["elapsed"]], coef(fit)[[1]], sqrt(vcov(fit)[1, 1])
))
