#include <algorithm>

#include "data/synthetic.h"

namespace seqtape {
namespace {

/// Induction heads (Olsson et al. 2022; the Mamba paper, section 4.1.2): random tokens in which a marker, token
/// vocab - 1, is once at a random place and again at the end; the answer is the token that followed it.
/// Tokens are uniform over the other vocab - 1, and the loss is on the last position only.
/// Training sequences may grow: from step grow_from on, the length doubles every grow_every steps, up to `longest`.
class InductionHeads final : public SyntheticTask {
 public:
  void fields(Fields&) override;
  Index longest_training_length() const override { return std::max(length_, longest_); }
  Index training_length(Index step) const override;
  TaskShape shape() const override {
    return {{.vocabulary = vocab_, .outputs = vocab_}, Objective::label_per_step, length_};
  }

 protected:
  void draw(const Random&, Index length, Index b, Index begin, Batch& out) const override;

 private:
  Index vocab_ = 16, length_ = 256, longest_ = 0, grow_from_ = 0, grow_every_ = 500;
};

}  // namespace

void InductionHeads::fields(Fields& f) {
  f("vocab", vocab_, "tokens, the marker among them", between(3, 1 << 20));
  f("length", length_, "steps of a sequence, the final marker among them", between(3, Index{1} << 40));
  f("longest", longest_, "length that training sequences grow to; 0: they stay at `length`", between(0, 1e12));
  f("grow_from", grow_from_, "step at which they begin to grow", at_least(0));
  f("grow_every", grow_every_, "steps from doubling to doubling", positive_up_to(1e12));
  common_fields(f);
}

Index InductionHeads::training_length(Index step) const {
  Index length = length_;
  for (Index at = grow_from_; at <= step && 2 * length <= longest_; at += grow_every_) length *= 2;
  return length;
}

void InductionHeads::draw(const Random& random, Index length, Index b, Index begin, Batch& out) const {
  const auto marker = static_cast<std::int32_t>(vocab_ - 1);
  // Position 0 of the stream places the marker, position t + 2 gives token t: any chunk can be drawn alone. A 64-bit
  // product maps bits to a range with a bias below 2^-32 * range.
  const auto below = [&](std::uint64_t position, Index n) {
    return static_cast<Index>(static_cast<std::uint64_t>(random.bits_at(position)) * static_cast<std::uint64_t>(n) >>
                              32);
  };
  const std::uint64_t high = random.bits_at(0), place_bits = high << 32 | random.bits_at(1);
  const auto place = static_cast<Index>(place_bits % static_cast<std::uint64_t>(length - 2));
  const auto token = [&](Index t) {
    if (t == place || t == length - 1) return marker;
    return static_cast<std::int32_t>(below(static_cast<std::uint64_t>(t) + 2, vocab_ - 1));
  };
  std::int32_t* const row = out.tokens.data() + b * out.length;
  for (Index i = 0; i < out.length; ++i) row[i] = token(begin + i);
  if (out.last) out.targets[static_cast<std::size_t>((b + 1) * out.length - 1)] = token(place + 1);
}

std::unique_ptr<Task> make_induction_heads() { return std::make_unique<InductionHeads>(); }

}  // namespace seqtape
