#include "apps/baselines/ngram.h"

#include <algorithm>

namespace seqtape {
namespace {

/// A bijection that spreads each bit over all. Source: the finaliser of Steele et al. 2014's SplitMix64.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t extended_hash(std::uint64_t hash, std::int32_t token) {
  return std::max<std::uint64_t>(1, mixed(hash * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(token) + 1));
}

std::size_t Ngrams::Table::place(std::uint64_t key) const {
  std::size_t at = key & (slots_.size() - 1);
  while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
  return at;
}

Ngrams::Table::Slot& Ngrams::Table::operator[](std::uint64_t key) {
  if (std::size_t at = place(key); slots_[at].key == key) return slots_[at];
  if (++used_ * 3 > slots_.size() * 2) {  // chains of full slots stay short up to two thirds
    std::vector<Slot> before(slots_.size() * 2);
    before.swap(slots_);
    for (const Slot& slot : before)
      if (slot.key != 0) slots_[place(slot.key)] = slot;
  }
  Slot& slot = slots_[place(key)];
  slot.key = key;
  return slot;
}

const Ngrams::Table::Slot* Ngrams::Table::find(std::uint64_t key) const {
  const Slot& slot = slots_[place(key)];
  return slot.key == key ? &slot : nullptr;
}

Ngrams::Ngrams(Index vocabulary, Index order)
    : vocabulary_(vocabulary),
      order_(static_cast<std::size_t>(order)),
      grams_(order_ + 1),
      contexts_(order_ + 1),
      discounts_(order_ + 1, 0.5) {}

void Ngrams::contexts(const std::vector<std::int32_t>& sequence, Index at, std::uint64_t* hashes) const {
  hashes[0] = 1;
  for (std::size_t k = 1; k <= order_; ++k) {
    const Index before = at - static_cast<Index>(k);
    hashes[k] = extended_hash(hashes[k - 1], before < 0 ? static_cast<std::int32_t>(vocabulary_)
                                                        : sequence[static_cast<std::size_t>(before)]);
  }
}

void Ngrams::count(const std::vector<std::int32_t>& sequence) {
  std::vector<std::uint64_t> hashes(order_ + 1);
  for (std::size_t at = 0; at < sequence.size(); ++at) {
    contexts(sequence, static_cast<Index>(at), hashes.data());
    // An n-gram that is new is one more kind before the shorter one: that is how the counts of lower orders arise.
    for (std::size_t k = order_ + 1; k-- > 0;) {
      const bool is_new = grams_[k][extended_hash(hashes[k], sequence[at])].count++ == 0;
      Table::Slot& context = contexts_[k][hashes[k]];
      ++context.count;
      if (!is_new) break;
      ++context.kinds;
    }
  }
}

void Ngrams::settle() {
  for (std::size_t k = 0; k <= order_; ++k) {
    double ones = 0, twos = 0;
    for (const Table::Slot& slot : grams_[k].slots()) ones += slot.count == 1, twos += slot.count == 2;
    discounts_[k] = ones > 0 ? ones / (ones + 2 * twos) : 0.5;
  }
}

double Ngrams::probability(const std::vector<std::int32_t>& sequence, Index at) const {
  std::vector<std::uint64_t> hashes(order_ + 1);
  contexts(sequence, at, hashes.data());
  double p = 1 / static_cast<double>(vocabulary_);
  for (std::size_t k = 0; k <= order_; ++k) {
    const Table::Slot* context = contexts_[k].find(hashes[k]);
    if (!context) break;
    const Table::Slot* gram = grams_[k].find(extended_hash(hashes[k], sequence[static_cast<std::size_t>(at)]));
    const double kept = gram ? std::max(static_cast<double>(gram->count) - discounts_[k], 0.0) : 0;
    p = (kept + discounts_[k] * context->kinds * p) / context->count;
  }
  return p;
}

Index Ngrams::size() const {
  Index all = 0;
  for (const Table& table : grams_) all += table.size();
  return all;
}

}  // namespace seqtape
