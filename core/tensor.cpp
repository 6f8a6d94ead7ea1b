#include "core/tensor.h"

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

template <class T>
Array<T> Array<T>::reshape(const Shape& shape) const {
  if (shape.size() != size()) throw ShapeError(str("reshape: ", shape_, " does not have the size of ", shape));
  Array view = *this;
  view.shape_ = shape;
  return view;
}

template <class T>
Array<T> Array<T>::slice(Index begin, Index end) const {
  if (begin < 0 || end < begin || shape_.rank() == 0 || end > shape_[0])
    throw ShapeError(str("slice: [", begin, ", ", end, ") is not within ", shape_));
  Shape shape{end - begin};
  Index row = 1;
  for (int i = 1; i < shape_.rank(); ++i) {
    shape.push_back(shape_[i]);
    row *= shape_[i];
  }
  Array view = *this;
  view.data_ += begin * row;
  view.shape_ = shape;
  return view;
}

template class Array<Real>;
template class Array<std::int32_t>;

}  // namespace seqtape::inline SEQTAPE_PRECISION
