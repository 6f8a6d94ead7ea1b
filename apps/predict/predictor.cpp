#include "apps/predict/predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/kernels/loss.h"
#include "core/pool.h"
#include "core/strings.h"

namespace seqtape {
namespace {

using Longer = NewInputs::Longer;

/// Batches that are sorted by length together, to save padding; and the steps that they may hold.
constexpr Index kBatches = 16, kMostQueued = Index{1} << 22;

void refuse_not_finite(const Real* outputs, Index count) {
  if (!std::all_of(outputs, outputs + count, [](Real value) { return std::isfinite(value); }))
    throw NumericalError("predict: the model's outputs are not finite; its training diverged");
}

}  // namespace

Index InputCursor::at_hand(Index wanted) {
  while (end_ - begin_ < wanted && next_) {
    const auto drop = [this](auto& all, Index width) { all.erase(all.begin(), all.begin() + begin_ * width); };
    if (features_)
      drop(kept_.values, features_);
    else
      drop(kept_.tokens, 1);
    begin_ = 0;
    if (!next_(kept_)) next_ = nullptr;
    end_ = features_ ? static_cast<Index>(kept_.values.size()) / features_ : static_cast<Index>(kept_.tokens.size());
  }
  return end_ - begin_;
}

Steps InputCursor::take(Index count, Index advance) {
  Steps steps;
  if (features_)
    steps.values.assign(kept_.values.begin() + begin_ * features_, kept_.values.begin() + (begin_ + count) * features_);
  else
    steps.tokens.assign(kept_.tokens.begin() + begin_, kept_.tokens.begin() + begin_ + count);
  begin_ += advance;
  return steps;
}

Predictor::Predictor(SequenceModel& model, Task& task, const std::string& task_name, const Options& options,
                     std::function<void(const Answer&)> answered)
    : model_(model),
      task_(task),
      options_(options),
      shape_(task.shape()),
      inputs_(task.new_inputs()),
      told_(task.told().shown()),
      answered_(std::move(answered)),
      ahead_(shape_.next_token() ? 1 : 0) {
  if (!inputs_.read)
    throw ConfigError(str("predict: the task ", task_name, " makes its own data; seqtape eval RUN scores it"));
  if (options_.reach == Reach::whole && !model_.streams())
    throw ConfigError(
        "predict: --whole: the model reads whole sequences, not parts of them with a carried state; --windows answers "
        "for each window of task.length");
  if (options_.reach == Reach::windows && inputs_.longer == Longer::last)
    throw ConfigError(str("predict: --windows: the task ", task_name,
                          " answers what follows an input, of which the last task.length rows are read"));
  if (options_.per_token && !shape_.next_token())
    throw ConfigError(str("predict: --per-token: the task ", task_name, " asks for no next tokens"));
  if (options_.backtests && !inputs_.backtest)
    throw ConfigError(str("predict: --backtest: the task ", task_name, " makes no forecasts of a series"));
  if (options_.backtests && options_.reach == Reach::whole)
    throw ConfigError("predict: --backtest: does not go with --whole, its windows have task.length rows each");
  if (inputs_.answers.empty())
    for (Index i = 0; i < (shape_.regression() ? shape_.numbers() : shape_.outputs); ++i)
      inputs_.answers.push_back(std::to_string(i));
}

template <class Read>
bool Predictor::guarded(const std::string& name, const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    if (broken_ || options_.strict) throw;
    const std::string text = error.what();
    failures_.push_back(text.find(name) == std::string::npos ? name + ": " + text : text);
    return false;
  }
}

void Predictor::file(const std::filesystem::path& path, const std::string& name) {
  guarded(name, [&] {
    const auto take = [&](NewInput input) {
      const std::string own = input.part.empty() ? name : name + ":" + input.part;
      guarded(own, [&] { add(std::move(input), own); });
    };
    options_.backtests ? inputs_.backtest(path, options_.backtests, take) : inputs_.read(path, take);
  });
}

void Predictor::line(const std::string& text, const std::string& name) {
  guarded(name, [&] { add(NewInput::of(inputs_.line(text, name)), name); });
}

void Predictor::finish() { run_queue(); }

void Predictor::add(NewInput input, const std::string& name) {
  InputCursor cursor(std::move(input.next), shape_.vocabulary ? 0 : shape_.features);
  const Index length = shape_.length, have = cursor.at_hand(length + ahead_ + 1);
  if (have == 0) throw DataError(str(name, ": is empty"));
  if (have <= ahead_)
    throw DataError(str(name, ": has one ", shape_.unit, "; an answer takes two, of which the first is given"));
  if (inputs_.longer == Longer::last && have < length)
    throw DataError(str(name, ": has ", have, " rows, and the model reads ", length, " (task.length)"));
  if (options_.reach == Reach::whole) {
    Answer& answer = new_answer(name, input, 0);
    answer.known = true;
    return queue(answer, std::move(cursor), 1, 0);
  }
  if (have > length + ahead_ && options_.reach == Reach::training && inputs_.longer != Longer::last) {
    if (inputs_.longer == Longer::refuse)
      throw DataError(str(name, ": has more than task.length, ", length,
                          ", steps, and task.longer is \"refuse\"; --windows and --whole read all"));
    ++longer_;
  }
  add_windows(std::move(cursor), input, name);
}

void Predictor::add_windows(InputCursor cursor, const NewInput& of, const std::string& name) {
  const Index length = shape_.length;
  const bool each = options_.reach == Reach::windows, all = each || inputs_.longer == Longer::windows;
  Index start = 0;
  if (inputs_.longer == Longer::last)
    for (Index have = 0; (have = cursor.at_hand(length + 1)) > length; start += have - length)
      cursor.take(0, have - length);
  Answer* answer = nullptr;
  try {
    for (Index have = 0, count = 0; (have = cursor.at_hand(length + ahead_)) > ahead_; start += count) {
      count = std::min(have - ahead_, length);
      if (each && start > 0 && count < model_.stride()) break;  // the model makes no step of what is left
      if (!answer || each) answer = &new_answer(name, of, start);
      answer->known = each || !all;  // then `queue` may hand it over
      queue(*answer, {NewInput::of(cursor.take(count + ahead_, count)).next, shape_.vocabulary ? 0 : shape_.features},
            count, each ? 0 : start);
      if (!all) return;
    }
  } catch (const Error&) {
    if (answer && all && !each) answer->known = answer->failed = true;
    throw;
  }
  if (!each) answer->known = true;
}

Answer& Predictor::new_answer(const std::string& name, const NewInput& of, Index start) {
  Answer& answer = answers_.emplace_back();
  answer.input = name;
  answer.start = of.begin + start;
  answer.time = of.time;
  answer.entity = of.entity;
  answer.scales = of.scales;
  answer.window = of.window;
  answer.actual = of.actual;
  return answer;
}

void Predictor::queue(Answer& answer, InputCursor cursor, Index steps, Index at) {
  ++answer.open;
  queue_.push_back({&answer, std::move(cursor), steps, at});
  queued_ += steps;
  const Index most = options_.batch * (options_.reach == Reach::whole ? 1 : kBatches);
  if (static_cast<Index>(queue_.size()) >= most || queued_ >= kMostQueued) run_queue();
}

void Predictor::run_queue() {
  std::stable_sort(queue_.begin(), queue_.end(), [](const Part& a, const Part& b) { return a.steps > b.steps; });
  const auto count = static_cast<Index>(queue_.size());
  for (Index i = 0; i < count; i += options_.batch) run(queue_.data() + i, std::min(options_.batch, count - i));
  queue_.clear();
  queued_ = 0;
  hand_over();
}

Batch Predictor::next_chunk(Part* parts, Index rows, Index most) {
  Batch chunk;
  chunk.batch = rows;
  std::vector<Steps> all(static_cast<std::size_t>(rows));
  for (Index r = 0; r < rows; ++r) {
    Part& part = parts[r];
    Index count = 0;
    const auto read = [&] {
      const Index have = part.cursor.at_hand(most + ahead_ + 1);
      count = std::clamp<Index>(have - ahead_, 0, most);
      if (part.answer->steps + count > model_.longest() && options_.reach == Reach::whole)
        throw DataError(str(part.answer->input, ": has more steps than the model's learned positions, ",
                            model_.longest(), "; --windows reads it in windows"));
      chunk.last &= have <= count + ahead_;
    };
    if (!part.answer->failed && !guarded(part.answer->input, read)) part.answer->failed = true;
    if (part.answer->failed) count = 0;
    if (count) all[static_cast<std::size_t>(r)] = part.cursor.take(count + ahead_, count);
    chunk.lengths.push_back(static_cast<std::int32_t>(count));
    chunk.length = std::max(chunk.length, count);
  }
  const Index width = shape_.vocabulary ? 1 : shape_.features, cells = rows * chunk.length;
  shape_.vocabulary ? chunk.tokens.resize(static_cast<std::size_t>(cells))
                    : chunk.values.resize(static_cast<std::size_t>(cells * width));
  if (ahead_) chunk.targets.assign(static_cast<std::size_t>(cells), kIgnore);
  for (Index r = 0; r < rows; ++r) {
    const Steps& steps = all[static_cast<std::size_t>(r)];
    const Index count = chunk.lengths[static_cast<std::size_t>(r)], to = r * chunk.length;
    if (count == 0) continue;
    if (shape_.vocabulary)
      std::copy_n(steps.tokens.begin(), count, chunk.tokens.begin() + to);
    else
      std::copy_n(steps.values.begin(), count * width, chunk.values.begin() + to * width);
    if (ahead_) std::copy_n(steps.tokens.begin() + 1, count, chunk.targets.begin() + to);
  }
  return chunk;
}

void Predictor::run(Part* parts, Index rows) try {
  TaskShape any_length = shape_;
  if (options_.reach == Reach::whole) any_length.length = std::numeric_limits<Index>::max();
  const Index most = evaluation_chunk(model_, any_length, rows);
  ModelState state;
  Index length = 0;  // of the chunk before
  for (bool first = true, last = false; !last; first = false) {
    const Batch chunk = next_chunk(parts, rows, most);
    last = chunk.last;
    if (chunk.length == 0) break;  // none could be read on
    // A shorter one, at the end, cannot reuse the blocks of those before; together they would be twice the memory.
    if (!first && chunk.length != length) pool::trim();
    length = chunk.length;
    options_.worked();
    const Variable outputs = model_.forward(model_input(chunk), state, {.carry = !(first && last)});
    for (Index r = 0; r < rows; ++r) {
      Answer& answer = *parts[r].answer;
      const Index count = chunk.lengths[static_cast<std::size_t>(r)];
      answer.steps += count;
      steps_ += count;
      if (answer.failed) continue;
      if (shape_.pooled && last && answer.steps < model_.stride()) {
        const auto refuse = [&] {
          throw DataError(str(answer.input, ": has ", answer.steps, " steps, and the model makes one of ",
                              model_.stride(), " (model.stem, task.hop)"));
        };
        answer.failed = !guarded(answer.input, refuse);
      } else if (shape_.pooled && last)
        take(answer, outputs.data() + r * shape_.outputs, 1);
      else if (ahead_ && count)
        take_loss(answer, parts[r].at, outputs.data() + r * chunk.length * shape_.outputs, count,
                  chunk.targets.data() + r * chunk.length);
      else if (!shape_.pooled && count)
        take(answer, outputs.data() + r * chunk.length * shape_.outputs, count);
      parts[r].at += count;
    }
  }
  for (Index r = 0; r < rows; ++r) --parts[r].answer->open;
} catch (...) {
  broken_ = true;
  throw;
}

void Predictor::take_loss(Answer& answer, Index at, const Real* outputs, Index steps,
                          const std::int32_t* targets) const {
  const Index width = shape_.outputs;
  refuse_not_finite(outputs, steps * width);
  double asked = 0;
  std::vector<Real> log_sum(static_cast<std::size_t>(steps));
  answer.loss +=
      kernels::loss->cross_entropy(steps, width, 0, kIgnore, outputs, targets, nullptr, log_sum.data(), &asked);
  answer.asked += static_cast<Index>(asked);
  if (!options_.per_token) return;
  // The parts of an answer may be run side by side.
  const auto end = static_cast<std::size_t>(at + steps);
  answer.tokens.resize(std::max(answer.tokens.size(), end));
  answer.bits.resize(std::max(answer.bits.size(), end));
  for (Index t = 0; t < steps; ++t) {
    const auto to = static_cast<std::size_t>(at + t);
    answer.tokens[to] = targets[t];
    answer.bits[to] =
        static_cast<float>((log_sum[static_cast<std::size_t>(t)] - outputs[t * width + targets[t]]) / std::log(2.0));
  }
}

void Predictor::take(Answer& answer, const Real* outputs, Index steps) const {
  const Index width = shape_.outputs;
  refuse_not_finite(outputs, steps * width);
  for (Index t = 0; t < steps; ++t, outputs += width) {
    if (shape_.regression()) {
      std::vector<double> values(1 + told_.levels.size());
      for (Index i = 0; i < shape_.numbers(); ++i) {
        const std::size_t of = static_cast<std::size_t>(i) % inputs_.answers.size();
        told_.read(outputs + i * told_.distribution.width(), i, values.data());
        for (const double value : values) {
          const double number = answer.scales.empty() ? value : answer.scales[of].value(value);
          answer.outputs.push_back(inputs_.in_units ? inputs_.in_units(of, number) : number);
        }
      }
      continue;
    }
    if (shape_.multi_label()) {
      for (Index i = 0; i < width; ++i) answer.outputs.push_back(1 / (1 + std::exp(-static_cast<double>(outputs[i]))));
      continue;
    }
    const double most = *std::max_element(outputs, outputs + width);
    double sum = 0;
    for (Index i = 0; i < width; ++i) sum += std::exp(outputs[i] - most);
    for (Index i = 0; i < width; ++i) answer.outputs.push_back(std::exp(outputs[i] - most) / sum);
  }
}

void Predictor::hand_over() {
  for (; !answers_.empty() && answers_.front().known && answers_.front().open == 0; answers_.pop_front()) {
    if (answers_.front().failed) continue;
    ++count_;
    answered_(answers_.front());
  }
}

std::vector<std::string> Predictor::notes() const {
  std::vector<std::string> all;
  const std::string longer = str(longer_, " inputs are longer than task.length, ", shape_.length);
  const std::string whole = model_.streams() ? ", --whole reads each in one" : "";
  if (longer_ && inputs_.longer == Longer::cut)
    all.push_back(str(longer, ": of each the first ", shape_.length,
                      " steps were read, as in training; --windows answers for each window of that", whole));
  if (longer_ && inputs_.longer == Longer::windows)
    all.push_back(str(longer,
                      ": they were read in windows of that, each from a fresh start, as in training; --windows ",
                      "answers for each", whole));
  if (options_.reach == Reach::whole && !model_.bounded_state())
    all.push_back("the memory of this model grows with the input that it reads whole");
  for (std::string& note : task_.notes()) all.push_back(std::move(note));
  return all;
}

}  // namespace seqtape
