# survival::survfit and survdiff, cmprsk::cuminc and crr. Usage: FOLDER TASK

suppressMessages(library(survival))
given <- commandArgs(trailingOnly = TRUE)
task <- given[2]
n <- file.size(file.path(given[1], "time")) / 8
column <- function(name) readBin(file.path(given[1], name), "double", n = n, size = 8, endian = "little")
if (task %in% c("gray", "fine-gray")) suppressMessages(library(cmprsk))
day <- column(if (task == "km-times") "time" else "day")
died <- column("died")
arm <- column("arm")
cause <- column("cause")
x <- if (task == "fine-gray") sapply(paste0("x", 1:5), column)
took <- system.time(
  answer <- switch(task,
    "log-rank" = survdiff(Surv(day, died) ~ arm)$chisq,
    "gray" = cuminc(day, cause, arm)$Tests[1, 1],
    "fine-gray" = crr(day, cause, x)$coef[[1]],
    summary(survfit(Surv(day, died) ~ 1), times = 1000)$surv
  )
)
cat(sprintf('{"seconds": %.6f, "answer": %.12g}\n', took[["elapsed"]], answer))
