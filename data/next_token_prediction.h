#pragma once
// Tasks that predict the next token of long data.

#include <set>

#include "data/epochs.h"
#include "data/readers/files.h"
#include "data/splits.h"

namespace seqtape {

/// Token ids are stored in two bytes each and must be below this.
constexpr Index kMostTokens = 65536;

/// Prediction of the next token. Training reads windows of `length` tokens: each epoch splits the data into consecutive
/// windows from a new random offset and reads them in random order, each once. (Windows that start anywhere, drawn with
/// replacement, cover 63 % of the text in as many steps, and ended 0.02 bits worse on the King James Bible.) An
/// evaluation reads consecutive windows, each from a zero state: every token but the first is a target once. With
/// `carry`, training reads in order instead: each row of the batch has a track of its own and continues where the batch
/// before ended, with its state (truncated back-propagation through time).
class NextTokenPrediction : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override { paths_.resolve(base); }
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override {
    TaskShape shape({.vocabulary = vocabulary(), .outputs = vocabulary()}, Objective::next_token, length_);
    shape.unit = unit();
    shape.carried = carry_;
    shape.end_token = end_token();
    shape.unknown_token = unknown_token();
    return shape;
  }
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return part(split).size() >= 2; }
  std::vector<Index> training_counts() const override;
  Index training_sequences() const override { return carry_ || evaluates() ? 0 : training_windows(); }
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override;
  void evaluate_on(const std::filesystem::path& data) override { paths_.evaluate_on(data); }
  std::vector<std::string> contents() const override;
  std::vector<std::string> notes() const override;
  std::vector<std::int32_t> encode(const std::string& text) const final { return tokens_of(text, "--prompt"); }
  NewInputs new_inputs() override;
  Signature signature() const override;
  /// Its text if that is printable.
  std::string symbol(std::int32_t token) const override;

 protected:
  using Tokens = std::u16string;  // two bytes each: enough for bytes, bases and the characters of any script

  virtual Index vocabulary() const = 0;
  /// What a token is: "byte", "base".
  virtual const char* unit() const = 0;
  /// The token that ends a text, or -1.
  virtual std::int32_t end_token() const { return -1; }
  /// The token for characters without one of their own, or -1.
  virtual std::int32_t unknown_token() const { return -1; }
  /// The tokens of a text, which messages call `where`. Throws ConfigError or DataError.
  virtual std::vector<std::int32_t> tokens_of(const std::string& text, const std::string& where) const = 0;
  /// Appends a file's tokens. Throws DataError.
  virtual void read(const std::filesystem::path&, Tokens& tokens) = 0;
  /// Files and folders of the data that are divided.
  const std::vector<std::string>& paths() const { return paths_.divided(); }
  bool evaluates() const { return paths_.evaluates(); }

 private:
  std::u16string_view part(Split split) const {
    const auto [begin, end] = of(parts_, split);
    return std::u16string_view(tokens_).substr(begin, end - begin);
  }
  /// Reads the files of a source, after those of the ones before.
  void read(const DataSource<std::vector<std::string>>&);
  /// Throws DataError for a split that is too short.
  void refuse_short(Split) const;
  /// Windows of an epoch: as many as fit after any offset below `length`, with the last target; at least one.
  Index training_windows() const;
  /// Where the training window of this number starts.
  Index window_start(Index number) const;
  /// Where row b of the batch of `step` starts in its track; `first`: the tracks start over.
  Index track_start(Index step, Index batch, Index b, bool& first) const;

  DataPaths<std::vector<std::string>> paths_;
  Index length_ = 256;
  bool carry_ = false;
  double train_fraction_ = 0.95, test_fraction_ = 0;
  std::uint64_t seed_ = 0;
  Tokens tokens_;                                         // of all sources
  BySplit<std::pair<std::size_t, std::size_t>> parts_{};  // of the tokens: [first, last)
  std::vector<Index> learned_counts_;
  LeftOut left_out_;
  std::set<std::filesystem::path> files_;
  std::set<std::size_t> contents_;  // hashes of the files' tokens
  std::vector<std::string> twice_;  // names of files that were read before, or others of the same content
  mutable Epochs epochs_;
};

}  // namespace seqtape
