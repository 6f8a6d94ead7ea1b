#pragma once
#include <algorithm>

#include "data/synthetic.h"

namespace seqtape {

/// Induction heads (Olsson et al. 2022; the Mamba paper, section 4.1.2): random tokens in which a marker, token
/// vocab - 1, stands once at a random place and again at the end; the answer is the token that followed it.
/// Tokens are uniform over the other vocab - 1, and the loss is on the last position only.
/// Training sequences may grow: from step grow_from on, the length doubles every grow_every steps, up to `longest`.
class InductionHeads final : public SyntheticTask {
 public:
  void fields(Fields&) override;
  Index longest_training_length() const override { return std::max(length_, longest_); }
  TaskShape shape() const override {
    return {{.vocabulary = vocab_, .outputs = vocab_}, Objective::label_per_step, length_};
  }

 protected:
  Index training_length(Index step) const override;
  void draw(const Random&, Index length, Index b, Index begin, Batch& out) const override;

 private:
  Index vocab_ = 16, length_ = 256, longest_ = 0, grow_from_ = 0, grow_every_ = 500;
};

}  // namespace seqtape
