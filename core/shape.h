#pragma once
// The extents of a tensor.

#include <array>
#include <initializer_list>
#include <string>

#include "core/real.h"

namespace seqtape {

/// Up to five extents, stored in place so that a shape allocates nothing. Without extents: a scalar, of size 1.
class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  /// Throws ShapeError for a negative extent, more than five of them, or a product that overflows.
  Shape(std::initializer_list<Index> extents);
  template <class Iterator>
  Shape(Iterator begin, Iterator end) {
    for (; begin != end; ++begin) push_back(static_cast<Index>(*begin));
  }

  int rank() const { return rank_; }
  /// Extent i; negative i counts from the end.
  Index operator[](int i) const { return extents_[static_cast<std::size_t>(i < 0 ? rank_ + i : i)]; }
  Index back() const { return (*this)[-1]; }
  Index size() const { return size_; }
  const Index* begin() const { return extents_.data(); }
  const Index* end() const { return extents_.data() + rank_; }

  /// Throws ShapeError as the constructor does.
  void push_back(Index extent);
  /// This shape with its last extent replaced.
  Shape with_back(Index extent) const;

  friend bool operator==(const Shape& a, const Shape& b) { return a.rank_ == b.rank_ && a.extents_ == b.extents_; }

 private:
  std::array<Index, kMaxRank> extents_{};
  int rank_ = 0;
  Index size_ = 1;
};

/// "[2, 3, 4]"
std::ostream& operator<<(std::ostream&, const Shape&);

}  // namespace seqtape
