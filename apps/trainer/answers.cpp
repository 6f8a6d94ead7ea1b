#include "apps/trainer/answers.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// A field of CSV (RFC 4180): quoted where it must be, quotes doubled.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// Language models: bits and perplexity, beside those of the training part's shares and of equal shares.
class TokenAnswers final : public Answers {
 public:
  TokenAnswers(const Task& task, AnswerFile* file)
      : task_(task), file_(file), counts_(static_cast<std::size_t>(task.shape().outputs)) {
    if (file_) file_->row({"sequence", "step", "truth", "prediction", "probability of truth"});
  }

  void count(const Batch& batch) override {
    for (const std::int32_t truth : batch.targets)
      if (truth != kIgnore) ++counts_[static_cast<std::size_t>(truth)];
  }

  void add(const Variable& logits, const Batch& batch) override {
    count(batch);
    if (!file_) return;
    const Index classes = logits.shape().back();
    if (batch.first) begin_ = 0;
    std::vector<float> odds(static_cast<std::size_t>(classes));
    for (std::size_t r = 0; r < batch.targets.size(); ++r) {
      const std::int32_t truth = batch.targets[r];
      if (truth == kIgnore) continue;
      const float* row = logits.data() + static_cast<Index>(r) * classes;
      log_odds(row, classes, odds.data());
      const auto at = static_cast<Index>(r);
      file_->row({std::to_string(sequence_ + at / batch.length), std::to_string(begin_ + at % batch.length),
                  std::to_string(truth), std::to_string(std::max_element(row, row + classes) - row),
                  format("%.7g", probability_of(odds[static_cast<std::size_t>(truth)]))});
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  void report(Json& document) const override {
    if (!document.at("loss").is_number()) return;
    document["perplexity"] = json_number(std::exp2(document.at(bits()).get<double>()));
    document["baselines"] = baselines();
  }

  Json baselines() const override {
    const auto classes = static_cast<double>(counts_.size());
    const auto of = [&](double value) { return Json{{bits(), value}, {"perplexity", std::exp2(value)}}; };
    Json baselines = {{"equal_shares", of(std::log2(classes))}};
    const std::vector<Index> trained = task_.training_counts();
    if (trained.empty()) return baselines;
    // One is added to each count, so that a token that training never met has a probability.
    double all = classes, sum = 0, n = 0;
    for (const Index count : trained) all += static_cast<double>(count);
    for (std::size_t c = 0; c < counts_.size(); ++c) {
      sum -= static_cast<double>(counts_[c]) * std::log2((static_cast<double>(trained[c]) + 1) / all);
      n += static_cast<double>(counts_[c]);
    }
    baselines["training_shares"] = of(sum / n);
    return baselines;
  }

 private:
  std::string bits() const { return "bits_per_" + task_.shape().unit; }

  const Task& task_;
  AnswerFile* file_;
  std::vector<Index> counts_;  // of the true tokens
  Index sequence_ = 0, begin_ = 0;
};

}  // namespace

AnswerFile::AnswerFile(std::filesystem::path path)
    : path_(std::move(path)), beside_(std::filesystem::path(path_) += kUnfinished), file_(beside_) {
  if (std::filesystem::is_directory(path_)) throw CheckpointError(str(path_.string(), ": is a folder"));
}

void AnswerFile::row(const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i) buffer_ += ',';
    buffer_ += csv_field(cells[i]);
  }
  buffer_ += '\n';
  if (buffer_.size() < 1 << 20) return;
  file_.write(buffer_);
  buffer_.clear();
}

void AnswerFile::finish() {
  file_.write(buffer_);
  buffer_.clear();
  file_.finish();
  std::error_code error;
  std::filesystem::rename(beside_, path_, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(beside_, ignored);
    throw CheckpointError(str(path_.string(), ": cannot be written: ", error.message()));
  }
  sync_folder(path_.has_parent_path() ? path_.parent_path() : ".");
}

Json baselines_of(const Task& task, Split split) {
  const auto answers = answers_of(task, nullptr);
  answers->begin(split);
  const bool pooled = task.shape().pooled;
  // A pass over drawn data may be as long as one likes.
  const bool drawn = task.fingerprint().empty();
  Index steps = 0;
  const auto pass = task.evaluation(split, {});
  for (Batch chunk; pass->next(chunk);) {
    if (!pooled || chunk.last) answers->count(chunk);
    steps += chunk.batch * chunk.length;
    if (drawn && chunk.last && steps >= 1 << 20) break;
  }
  return answers->baselines();
}

std::vector<std::string> class_names(const Task& task) {
  const Json learned = task.learned();
  if (learned.contains("classes")) return learned.at("classes").get<std::vector<std::string>>();
  std::vector<std::string> names = task.signature().labels;
  if (!names.empty()) return names;
  for (Index c = 0; c < task.shape().outputs; ++c) names.push_back(std::to_string(c));
  return names;
}

void sample_training(const Task& task, const std::function<void(const Batch&)>& see) {
  Batch batch;
  Index steps = 0;
  for (Index number = 0; number < 4096 && steps < 1 << 20; ++number) {
    task.training_batch(number, 1, batch);
    steps += batch.batch * batch.length;
    see(batch);
  }
}

std::unique_ptr<Answers> token_answers(const Task& task, AnswerFile* file) {
  return std::make_unique<TokenAnswers>(task, file);
}

std::unique_ptr<Answers> answers_of(const Task& task, AnswerFile* file) {
  const TaskShape shape = task.shape();
  return shape.next_token()    ? token_answers(task, file)
         : shape.regression()  ? number_answers(task, file)
         : shape.multi_label() ? label_answers(task, file)
                               : class_answers(task, file);
}

}  // namespace seqtape
