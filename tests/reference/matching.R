# Writes matching.json: MatchIt's pairs on made data with many equal scores. Run: Rscript matching.R
# Made with R 4.2.2 and MatchIt 4.5.1, a build that cuts distances to whole numbers (see test_matching_stored.py).

suppressMessages(library(MatchIt))
set.seed(20260101)
n <- 160
x <- rnorm(n)
rows <- data.frame(arm = as.integer(runif(n) < plogis(x - 0.8)), site = sample(1:3, n, TRUE))
rows$score <- round(plogis(x - 0.8), 2)
rows$score <- pmin(pmax(rows$score, 0.02), 0.98)

rows$free <- plogis(x - 0.8)  # no two are equal

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

# Distances given as a matrix are not cut: MatchIt then finds the nearest, in the order of the rows, ties to the first.
# Rows are put in the order wanted, the controls among themselves as they are; Inf forbids a pair.
by_matrix <- function(id, value, first = NULL, limit = Inf, within = NULL, seek = 1, ...) {
  ids <- seq_len(n)
  seeking <- ids[rows$arm == seek]
  if (!is.null(first)) seeking <- seeking[order(first * value[seeking], decreasing = TRUE)]
  pool <- ids[rows$arm != seek]
  table <- data.frame(arm = rep(1:0, c(length(seeking), length(pool))), one = 1)
  far <- abs(outer(value[seeking], value[pool], "-"))
  far[far > limit] <- Inf
  if (!is.null(within)) far[outer(within[seeking], within[pool], "!=")] <- Inf
  dimnames(far) <- list(seq_along(seeking), length(seeking) + seq_along(pool))
  pairs <- suppressWarnings(matchit(arm ~ one, data = table, method = "nearest", distance = far, ...))$match.matrix
  found <- c()
  both <- c(seeking, pool)
  for (k in seq_len(ncol(pairs))) {
    kept <- !is.na(pairs[, k])
    found <- c(found, sprintf("[%d, %d]", both[as.integer(rownames(pairs)[kept])], both[as.integer(pairs[kept, k])]))
  }
  sprintf('"%s": [%s]', id, paste(found, collapse = ", "))
}
p <- rows$score
l <- qlogis(p)
u <- rows$free
nearest <- c(
  by_matrix("data", p), by_matrix("largest", p, 1), by_matrix("smallest", p, -1),
  by_matrix("caliper", p, 1, 0.2 * sd(p)), by_matrix("logit_caliper", l, 1, 0.1 * sd(l)),
  by_matrix("site", p, 1, within = rows$site), by_matrix("site_caliper", p, 1, 0.05, rows$site),
  by_matrix("replace", p, replace = TRUE), by_matrix("replace_caliper", p, NULL, 0.015, replace = TRUE),
  by_matrix("two", p, 1, ratio = 2), by_matrix("three_caliper", p, 1, 0.035, ratio = 3),
  by_matrix("control_seeks", p, -1, seek = 0),
  by_matrix("free", u, 1), by_matrix("free_caliper", u, 1, 0.2 * sd(u)), by_matrix("free_two", u, -1, ratio = 2),
  by_matrix("free_replace", u, replace = TRUE)
)

column <- function(name) sprintf('"%s": [%s]', name, paste(sprintf("%.17g", rows[[name]]), collapse = ", "))
writeLines(c(
  "{", paste0('"data": {', paste(sapply(c("arm", "site", "score", "free"), column), collapse = ",\n"), "},"),
  paste0('"pairs": {', paste(sapply(calls, one), collapse = ",\n"), "},"),
  paste0('"nearest": {', paste(nearest, collapse = ",\n"), "}"), "}"
), "matching.json")
