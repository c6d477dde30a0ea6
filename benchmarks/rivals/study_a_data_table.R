# R's data.table and survival: the population comparison of study A as an analyst would script it. Usage: FOLDER (CSV)
suppressMessages({library(data.table); library(survival)})
setDTthreads(2)
folder <- commandArgs(trailingOnly = TRUE)[1]
classes <- c(anxiolytics = "N05B", hypnotics = "N05C", antidepressants = "N06A")
windows <- list("0-1 y" = c(0, 1), "1-5 y" = c(1, 5), ">5 y" = c(5, Inf), ">1 y" = c(1, Inf))
table <- function(name) fread(file.path(folder, paste0(name, ".csv")), showProgress = FALSE)
set.seed(1)
took <- system.time({
  person <- merge(table("person"), table("observation_period"), by = "person_id")
  observations <- table("observation")
  conditions <- table("condition_occurrence")
  ill <- conditions[startsWith(code, "G12.2"), .(ill = min(day)), by = person_id]
  person <- merge(person, ill, by = "person_id", all.x = TRUE)
  index <- observations[concept == 2000008011, .(index = min(day)), by = person_id]
  index <- index[index >= as.IDate("2015-01-01") & index <= as.IDate("2023-07-01")]
  cases <- merge(index, unique(person, by = "person_id"), by = "person_id")
  setkey(person, gender_concept_id, year_of_birth)
  rows <- rbindlist(lapply(seq_len(nrow(cases)), function(i) {
    case <- cases[i]
    pool <- person[.(case$gender_concept_id, case$year_of_birth)]
    pool <- unique(pool[start <= case$index & stop >= case$index & (is.na(ill) | ill > case$index) &
                          person_id != case$person_id, person_id])
    controls <- pool[sample.int(length(pool), min(5, length(pool)))]
    data.table(set = case$person_id, person_id = c(case$person_id, controls),
               case = c(1, rep(0, length(controls))), index = case$index)
  }))
  rows[, row := .I]
  observed <- merge(rows, observations, by = "person_id", allow.cartesian = TRUE)[day <= index]
  has <- function(concepts) as.numeric(rows$row %in% observed[concept %in% concepts, row])
  rows[, secondary := has(2000008001)]
  rows[, tertiary := has(2000008002)]
  rows[, low_income := has(c(2000008003, 2000008004))]
  diagnosed <- merge(rows, conditions[startsWith(code, "F")], by = "person_id", allow.cartesian = TRUE)
  rows[, psychiatric := as.numeric(row %in% diagnosed[day <= index - 365.25, row])]
  drugs <- table("drug_exposure")[person_id %in% rows$person_id]
  estimates <- list()
  for (name in names(classes)) {
    before <- merge(rows, drugs[startsWith(code, classes[[name]])], by = "person_id", allow.cartesian = TRUE)
    first <- before[day < index, .(first = min(day), n = .N), by = row]
    joined <- merge(rows, first, by = "row", all.x = TRUE)
    joined[, years := as.numeric(index - first) / 365.25]
    for (label in names(windows)) {
      limits <- windows[[label]]
      joined[, exposed := as.numeric(!is.na(years) & years > limits[1] & years <= limits[2] & n >= 2)]
      fit <- clogit(case ~ exposed + secondary + tertiary + low_income + psychiatric + strata(set),
                    joined[exposed == 1 | is.na(years)])
      estimates[[paste(name, label)]] <- exp(coef(fit)[["exposed"]])
    }
  }
})
last <- sapply(names(classes), function(name) sprintf('"%s": %.6f', name, estimates[[paste(name, ">1 y")]]))
cat(sprintf('{"seconds": %.3f, "processor_seconds": %.3f, "sets": %d, "estimates": {%s}}\n', took[["elapsed"]],
  took[["user.self"]] + took[["sys.self"]], nrow(cases), paste(last, collapse = ", ")))
