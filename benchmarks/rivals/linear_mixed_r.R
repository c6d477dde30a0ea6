# lme4::lmer and nlme::lme. Usage: FOLDER reml|ml lme4|nlme

given <- commandArgs(trailingOnly = TRUE)
library(given[3], character.only = TRUE, quietly = TRUE)
n <- file.size(file.path(given[1], "y")) / 8
column <- function(name) readBin(file.path(given[1], name), "double", n = n, size = 8, endian = "little")
names <- c("person", "y", "years", paste0("x", 1:4))
rows <- as.data.frame(sapply(names, column))
rows$person <- factor(rows$person)
reml <- given[2] == "reml"
took <- system.time(
  fit <- if (given[3] == "lme4") {
    lmer(y ~ years + x1 + x2 + x3 + x4 + (years | person), rows, REML = reml)
  } else {
    lme(y ~ years + x1 + x2 + x3 + x4, rows, ~ years | person, method = toupper(given[2]))
  }
)
cat(sprintf('{"seconds": %.6f, "answer": %.12g, "coefficients": [%s]}\n', took[["elapsed"]], c(logLik(fit)),
  paste(sprintf("%.17g", fixef(fit)), collapse = ", ")))
