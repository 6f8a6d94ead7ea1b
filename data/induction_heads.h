#pragma once
#include "data/synthetic.h"

namespace seqtape {

/// Induction heads (Olsson et al. 2022; the Mamba paper, section 4.1.2): random tokens in which a marker, token
/// vocab - 1, stands once at a random place and again at the end; the answer is the token that followed it.
/// Tokens are uniform over the other vocab - 1, and the loss is on the last position only.
class InductionHeads final : public SyntheticTask {
 public:
  void fields(Fields&) override;
  TaskShape shape() const override { return {.vocabulary = vocab_, .outputs = vocab_, .length = length_}; }

 protected:
  void draw(const Random&, Index b, Index begin, Batch& out) const override;

 private:
  Index vocab_ = 16, length_ = 256;
};

}  // namespace seqtape
