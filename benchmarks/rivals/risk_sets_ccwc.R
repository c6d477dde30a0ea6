# Epi::ccwc, the risk-set sampler of R. Usage: FOLDER CONTROLS
# It matches exactly (no calipers), here on sex and birth year, and samples tied cases of a stratum together.

suppressMessages(library(Epi))
given <- commandArgs(trailingOnly = TRUE)
n <- file.size(file.path(given[1], "sex")) / 4
column <- function(name) readBin(file.path(given[1], name), "integer", n = n, size = 4, endian = "little")
people <- data.frame(
  sex = column("sex"), birth_year = column("birth_year"), start = column("start"), exit = column("exit"),
  case = column("case")
)
set.seed(1)
took <- system.time(
  sets <- suppressWarnings(ccwc(
    entry = start, exit = exit, fail = case, controls = as.integer(given[2]), match = list(sex, birth_year),
    data = people, silent = TRUE
  ))
)
cat(sprintf('{"seconds": %.6f, "sets": %d, "controls": %d}\n', took[["elapsed"]], sum(sets$Fail == 1), sum(sets$Fail == 0)))
