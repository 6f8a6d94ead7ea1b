#include "apps/trainer/run_state.h"

namespace seqtape {

void RunState::Best::fields(Fields& f) {
  f("metric", metric, "train.best then", required());
  f("value", value, "of the metric", required());
  f("step", step, "of the evaluation", {.least = 0, .required = true});
}

void RunState::fields(Fields& f) {
  f("step", step, "steps done", at_least(0));
  f("updates", updates, "of them with an update", at_least(0));
  f("skipped_steps", skipped_steps, "of them without one, for a NaN or infinity", at_least(0));
  f("seconds", seconds, "of training", at_least(0));
  f("tokens", tokens, "trained on; -1: not counted", at_least(-1));
  f("interval_loss", interval_loss, "sum since the last line of training metrics");
  f("interval_seconds", interval_seconds, "of training since then", at_least(0));
  f("interval_steps", interval_steps, "since then", at_least(0));
  f("interval_tokens", interval_tokens, "since then", at_least(0));
  f("evaluation_due", evaluation_due, "this step's evaluation is still to come");
  Json shown = best ? write_fields([&](Fields& nested) { best->fields(nested); }) : Json();
  f("best", shown, "metric, value and step of the best evaluation, or null");
  best.reset();
  if (!shown.is_null()) read_fields([&](Fields& nested) { best.emplace().fields(nested); }, shown, "best");
  f("evaluations_since_best", evaluations_since_best, "evaluations since then", at_least(0));
  f("schedule", schedule, "what the schedule has seen, or null");
  f("data", data, "fingerprint of the data");
  f("learned", learned, "what the data taught the task");
  f("intervals", intervals, "around forecasts, by the errors on validation, or null");
  f("dropout_masks", dropout_masks, "how masks are drawn");
  f("seed", seed, "of the run", at_least(0));
  f("processor", processor, "which made it");
  f("instruction_set", instruction_set, "of its kernels");
  f("blas_core", blas_core, "of its matrix products");
  f("imported", imported, "where it was imported from, or \"\"");
}

RunState RunState::from_json(const Json& json) {
  RunState state;
  state.tokens = -1;  // unless it has them
  read_fields([&](Fields& f) { state.fields(f); }, json, "state", Unknown::ignored);
  return state;
}

Json RunState::to_json() {
  return write_fields([this](Fields& f) { fields(f); });
}

}  // namespace seqtape
