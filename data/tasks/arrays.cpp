#include "data/readers/arrays.h"

#include "core/error.h"
#include "core/strings.h"
#include "data/scaled_classification.h"

namespace seqtape {
namespace {

/// Sequences of numbers, one or many a step (channels), with a class or other answers: NumPy's arrays, or lines of
/// JSON.
class Arrays final : public ScaledClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    target_field(f);
    f("labels", labels_,
      "of path or train_path that is an .npy: the .npy of its classes; \"\": that beside it, with y for the last X in "
      "its name",
      same_data());
    f("channels", channels_, "numbers a step; 0: as many as the data have", resolves(between(0, 1 << 20)));
    normalise_field(f);
    augment_field(f);
  }
  void resolve_paths(const std::filesystem::path& base) override {
    SequenceClassification::resolve_paths(base);
    if (!labels_.empty()) labels_ = std::filesystem::absolute(base / labels_).lexically_normal().string();
  }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.standard_input = true;
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      not_read_ = read_arrays(path, {}, "", [&](ArraySequence one) {
        const std::string part = one.part;
        // What one sequence is refused for leaves the others.
        add({.part = part, .next = [this, one = std::move(one), given = false](Steps& more) mutable {
               if (std::exchange(given, true)) return false;
               if (!one.problem.empty()) throw DataError(one.problem);
               require_channels(one);
               more.values = scaled(one.values);
               refuse_other(more.values, one.where);
               return !more.values.empty();
             }});
      });
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = ScaledClassification::signature();
    if (channels_ == 1)
      all.unit = "value";
    else
      all.note = str(channels_, " numbers each, its channels");
    return all;
  }
  std::vector<std::string> notes() const override {
    auto all = ScaledClassification::notes();
    if (!not_read_.empty()) all.push_back(not_read_);
    return all;
  }

 private:
  const char* path_doc() const override {
    return ".npz (X, y, lengths, groups), .npy or .jsonl ({\"values\": [...], \"label\": ...}) file, relative to the "
           "config";
  }
  SequenceShape reads() const override { return {.features = std::max<Index>(1, channels_)}; }

  void load() override {
    if (!std::filesystem::is_regular_file(path()))
      throw DataError(str(key(), path(), " does not exist or is not a file"));
    const bool each_step = target() == TargetKind::class_per_step || target() == TargetKind::numbers_per_step;
    if (each_step && (augmentation().crop || augmentation().shift > 0))
      throw ConfigError(
          "task.augment: crop and shift move the steps, of which task.target has an answer each; gain and "
          "noise do not");
    const bool own = own_split().has_value() || evaluates();
    not_read_ = read_arrays(path(), target(), own ? "" : labels_, [this](const ArraySequence& one) {
      if (channels_ == 0 && !one.values.empty()) channels_ = one.channels;
      if (!one.problem.empty()) throw DataError(one.problem);
      require_channels(one);
      in_group(one.group);
      const auto steps = static_cast<Index>(one.values.size()) / one.channels;
      // A crop takes a part of all of them.
      const auto end = one.values.begin() +
                       (augmentation().crop ? steps : kept(static_cast<std::size_t>(steps), one.where)) * one.channels;
      add({one.values.begin(), end}, one.target, one.where,
          {reinterpret_cast<const char*>(one.values.data()), one.values.size() * sizeof(double)}, one.in_floats);
    });
  }

  void require_channels(const ArraySequence& one) const {
    if (one.problem.empty() && !one.values.empty() && one.channels != channels_)
      throw DataError(
          str(one.where, ": has ", one.channels, " numbers a step, must have ", channels_, " (task.channels)"));
  }

  std::string labels_, not_read_;
  Index channels_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_arrays() { return std::make_unique<Arrays>(); }

}  // namespace seqtape
