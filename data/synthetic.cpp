#include "data/synthetic.h"

#include <algorithm>

#include "core/threads.h"

namespace seqtape {

class SyntheticEvaluation final : public Evaluation {
 public:
  SyntheticEvaluation(const SyntheticTask& task, Split split, const EvaluationOptions& options)
      : task_(task), split_(split), options_(options), length_(task.shape().length) {}

  bool next(Batch& chunk) override {
    if (begin_ == length_) {
      begin_ = 0;
      sequence_ += options_.batch;
    }
    if (sequence_ >= task_.eval_sequences_) return false;
    const Index steps = std::min(options_.chunk, length_ - begin_);
    task_.fill(split_, sequence_, std::min(options_.batch, task_.eval_sequences_ - sequence_), length_, begin_, steps,
               chunk);
    begin_ += steps;
    return true;
  }

 private:
  const SyntheticTask& task_;
  Split split_;
  EvaluationOptions options_;
  Index length_, sequence_ = 0, begin_ = 0;
};

void SyntheticTask::common_fields(Fields& f) {
  f("eval_sequences", eval_sequences_, "sequences drawn for validation, and for test", may_change(positive_up_to(1e9)));
}

void SyntheticTask::fill(Split split, Index first_sequence, Index count, Index length, Index begin, Index steps,
                         Batch& out) const {
  out = blank_batch(shape(), count, steps, kIgnore);
  if (varies()) out.lengths.assign(static_cast<std::size_t>(count), 0);
  out.first = begin == 0;
  out.last = begin + steps == length;
  parallel_for(count, [&](Index b) {
    Random random(seed_, split_name(split), static_cast<std::uint64_t>(first_sequence + b));
    const Index own_length = sequence_length(split, random, length);
    draw(random, own_length, b, begin, out);
  });
}

// Where sequences are longer there are fewer of them: a batch keeps its tokens.
void SyntheticTask::training_batch(Index step, Index batch, Batch& out) const {
  const Index length = training_length(step), count = std::clamp<Index>(batch * shape().length / length, 1, batch);
  fill(Split::train, step * batch, count, length, 0, length, out);
}

std::unique_ptr<Evaluation> SyntheticTask::evaluation(Split split, const EvaluationOptions& options) const {
  return std::make_unique<SyntheticEvaluation>(*this, split, options);
}

}  // namespace seqtape
