# R's nlme and survival, where JM starts from ("start"), or JM itself ("JM"). Usage: FOLDER BASELINE PROGRAM

suppressMessages({ library(nlme); library(survival) })
given <- commandArgs(trailingOnly = TRUE)
measured <- read.csv(file.path(given[1], "measured.csv"))
lives <- read.csv(file.path(given[1], "lives.csv"))
program <- given[3]
if (program == "JM") suppressMessages(library(JM))
method <- paste0(given[2], "-PH-aGH")
took <- system.time({
  mixed <- lme(y ~ t * x, random = ~ t | id, data = measured, control = lmeControl(opt = "optim"))
  hazard <- coxph(Surv(end, died) ~ x, data = lives, x = TRUE)
  if (program == "JM") fit <- jointModel(mixed, hazard, timeVar = "t", method = method)
})
if (program == "JM") {
  found <- summary(fit)$`CoefTable-Event`["Assoct", 1:2]
  cat(sprintf(
    '{"seconds": %.6f, "log_likelihood": %.10g, "association": %.10g, "std_error": %.10g}\n',
    took[["elapsed"]], as.numeric(logLik(fit)), found[[1]], found[[2]]
  ))
} else {
  cat(sprintf('{"seconds": %.6f}\n', took[["elapsed"]]))
}
