# Writes matching.json: MatchIt's pairs on made data with many equal scores. Run: Rscript matching.R
# Made with R 4.2.2 and MatchIt 4.5.1, a build whose distances are cut to whole numbers (see test_matching_stored.py).

suppressMessages(library(MatchIt))
set.seed(20260101)
n <- 160
x <- rnorm(n)
rows <- data.frame(arm = as.integer(runif(n) < plogis(x - 0.8)), site = sample(1:3, n, TRUE))
rows$score <- round(plogis(x - 0.8), 2)
rows$score <- pmin(pmax(rows$score, 0.02), 0.98)

calls <- list(
  list(id = "smallest", distance = "score", m.order = "smallest"),
  list(id = "control_seeks", distance = "score", estimand = "ATC"),
  list(id = "control_seeks_largest", distance = "score", estimand = "ATC", m.order = "largest"),
  list(id = "exact_site", distance = "score", exact = ~site),
  list(id = "replace", distance = "score", replace = TRUE),
  list(id = "logit", distance = "logit"),
  list(id = "logit_caliper", distance = "logit", caliper = 0.5)
)

one <- function(call) {
  value <- if (call$distance == "logit") qlogis(rows$score) else rows$score
  given <- call[setdiff(names(call), c("id", "distance"))]
  found <- suppressWarnings(do.call(matchit, c(list(arm ~ score, data = rows, method = "nearest", distance = value), given)))
  pairs <- found$match.matrix
  list <- c()
  for (k in seq_len(ncol(pairs))) {
    kept <- !is.na(pairs[, k])
    list <- c(list, sprintf("[%s, %s]", rownames(pairs)[kept], pairs[kept, k]))
  }
  sprintf('"%s": [%s]', call$id, paste(list, collapse = ", "))
}

column <- function(name) sprintf('"%s": [%s]', name, paste(rows[[name]], collapse = ", "))
writeLines(c(
  "{", paste0('"data": {', paste(sapply(c("arm", "site", "score"), column), collapse = ",\n"), "},"),
  paste0('"pairs": {', paste(sapply(calls, one), collapse = ",\n"), "}"), "}"
), "matching.json")
