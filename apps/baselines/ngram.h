#pragma once
// Language models that count: how often each token came after those before it.

#include <cstdint>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// The hash of some tokens and one more; that of none is 1. Never 0, which marks a free slot.
std::uint64_t extended_hash(std::uint64_t hash, std::int32_t token);

/// The probability of a token after the `order` tokens before it, by interpolated Kneser-Ney:
///   p_k(w | h) = (max(c_k(h w) - D_k, 0) + D_k T_k(h) p_k-1(w | h')) / sum over w of c_k(h w)
/// where h are the k tokens before w and h' those without the first, T_k(h) the number of different tokens that
/// followed h, and p_-1 = 1 / vocabulary. c at the highest order is a count; at a lower one it is the number of
/// different tokens that h w was seen after: what follows many contexts is likely after a new one. A context that was
/// never seen passes p_k-1 on. D_k = n1 / (n1 + 2 n2), of the n-grams with a count of 1 and 2; 0.5 where no count is 1.
/// Before its first token a sequence has a token of its own.
/// Source: Kneser & Ney 1995, "Improved backing-off for m-gram language modeling"; interpolated, as in Chen & Goodman
/// 1998, "An empirical study of smoothing techniques for language modeling", eq. 24. Deviation: contexts are known by
/// 64 bits of a hash (of 10^8 contexts two share one with a probability of 3 in 10,000).
class Ngrams {
 public:
  Ngrams(Index vocabulary, Index order);
  /// Adds the tokens of a sequence.
  void count(const std::vector<std::int32_t>& sequence);
  /// To be called when all is counted.
  void settle();
  /// Of sequence[at] after the tokens before it. > 0.
  double probability(const std::vector<std::int32_t>& sequence, Index at) const;
  /// The different n-grams of each order that are kept, summed.
  Index size() const;

 private:
  /// Counts by a key that is a hash.
  class Table {
   public:
    struct Slot {
      std::uint64_t key;
      std::uint32_t count, kinds;
    };
    /// A new one has zeros. The reference lasts until the next call.
    Slot& operator[](std::uint64_t key);
    /// Null where there is none.
    const Slot* find(std::uint64_t key) const;
    Index size() const { return static_cast<Index>(used_); }
    const std::vector<Slot>& slots() const { return slots_; }

   private:
    std::size_t place(std::uint64_t key) const;
    std::vector<Slot> slots_ = std::vector<Slot>(1 << 10);
    std::size_t used_ = 0;
  };
  /// The hashes of the contexts of `at`, the shortest first: none, one token, ... `order`.
  void contexts(const std::vector<std::int32_t>& sequence, Index at, std::uint64_t* hashes) const;

  Index vocabulary_;
  std::size_t order_;
  std::vector<Table> grams_;     // of each order: the count of a context and a token
  std::vector<Table> contexts_;  // and the sum and the number of those of a context
  std::vector<double> discounts_;
};

}  // namespace seqtape
