#include "core/shape.h"

#include <ostream>

#include "core/error.h"

namespace seqtape {

Shape::Shape(std::initializer_list<Index> extents) {
  for (Index extent : extents) push_back(extent);
}

void Shape::push_back(Index extent) {
  if (rank_ == kMaxRank) throw ShapeError(str("shape: at most ", kMaxRank, " dimensions, got more"));
  if (extent < 0) throw ShapeError(str("shape: an extent must be >= 0, got ", extent));
  // Sizes in bytes must fit too, with room for the largest element.
  if (__builtin_mul_overflow(size_, extent, &size_) || size_ > (Index{1} << 59))
    throw ShapeError(str("shape: ", *this, " x ", extent, " has more elements than memory can address"));
  extents_[static_cast<std::size_t>(rank_++)] = extent;
}

Shape Shape::with_back(Index extent) const {
  Shape shape;
  for (int i = 0; i + 1 < rank_; ++i) shape.push_back((*this)[i]);
  shape.push_back(extent);
  return shape;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

}  // namespace seqtape
