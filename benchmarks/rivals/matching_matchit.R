# MatchIt::matchit, nearest neighbour 1:1 within 0.2 SD of the given score. Usage: FOLDER

suppressMessages(library(MatchIt))
folder <- commandArgs(trailingOnly = TRUE)[1]
n <- file.size(file.path(folder, "arm")) / 8
column <- function(name) readBin(file.path(folder, name), "double", n = n, size = 8, endian = "little")
rows <- data.frame(arm = column("arm"), score = column("score"))
took <- system.time(
  found <- matchit(arm ~ 1, rows, method = "nearest", distance = rows$score, caliper = 0.2)
)
partner <- as.integer(found$match.matrix[, 1])
seeker <- as.integer(rownames(found$match.matrix))
kept <- !is.na(partner)
cat(sprintf(
  '{"seconds": %.6f, "pairs": %d, "digest": %.17g}\n',
  took[["elapsed"]], sum(kept), sum(as.numeric(seeker[kept]) * partner[kept])
))
