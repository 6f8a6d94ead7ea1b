#pragma once
#include "data/epochs.h"
#include "data/task.h"

namespace seqtape {

/// Classification of images as sequences of pixels, from IDX files (MNIST and its kin) or CIFAR-10's binary files, gz
/// or plain. The last `validation` training images validate. Training reads all others in a new order each epoch.
class Images final : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  Index training_sequences() const override { return train_.count - validation_; }
  std::string fingerprint() const override;
  std::vector<std::string> notes() const override;

 private:
  friend class ImagesEvaluation;
  struct Set {
    Index count = 0, pixels = 0, channels = 1;
    std::string bytes;  ///< [count, pixels, channels]
    std::vector<std::int32_t> labels;
  };
  Set read(const std::vector<std::string>& images, const std::string& labels) const;
  Set read_idx(const std::string& images, const std::string& labels) const;
  Set read_cifar(const std::vector<std::string>& files) const;
  void require_label(std::int32_t label, Index image, const std::string& path) const;
  /// Images `indices` of a set, pixels [begin, begin + steps) of each in the task's order.
  void fill(const Set&, const std::vector<Index>& indices, Index begin, Index steps, Batch& out) const;

  std::vector<std::string> images_, test_images_;
  std::string format_ = "idx", labels_, test_labels_, order_ = "raster", color_ = "grey";
  Index side_ = 28, validation_ = 5000, classes_ = 10;
  bool tokens_ = false;
  std::uint64_t seed_ = 0;
  Set train_, test_;
  std::vector<std::int32_t> place_;  // of the t-th pixel read
  mutable Epochs epochs_;
};

}  // namespace seqtape
