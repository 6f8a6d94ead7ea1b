#pragma once
// Dense arrays: contiguous, row-major, 64-byte aligned, from the pool.

#include <atomic>
#include <utility>
#include <vector>

#include "core/pool.h"
#include "core/shape.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A reference-counted handle on a block of T: copies share the elements, `clone` copies them. A default-constructed
/// one is undefined: no data, and the shape and size of a scalar.
template <class T>
class Array {
 public:
  Array() = default;
  /// Uninitialised elements.
  explicit Array(const Shape& shape) : block_(new Block(shape.size())), data_(block_->data), shape_(shape) {}
  Array(const Array& other) : block_(other.block_), data_(other.data_), shape_(other.shape_) {
    if (block_) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Array(Array&& other) noexcept : block_(other.block_), data_(other.data_), shape_(other.shape_) {
    other.block_ = nullptr;
    other.data_ = nullptr;
  }
  Array& operator=(Array other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(shape_, other.shape_);
    return *this;
  }
  ~Array() {
    if (block_ && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete block_;
  }

  static Array full(const Shape& shape, T value) {
    Array array(shape);
    array.fill(value);
    return array;
  }
  static Array zeros(const Shape& shape) { return full(shape, T{0}); }
  static Array like(const Array& other) { return Array(other.shape_); }
  /// Requires as many values as the shape has elements.
  static Array of(const Shape& shape, const std::vector<T>& values) {
    Array array(shape);
    for (Index i = 0; i < array.size(); ++i) array.data_[i] = values[static_cast<std::size_t>(i)];
    return array;
  }

  bool defined() const { return block_ != nullptr; }
  T* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.size(); }
  Index dim(int i) const { return shape_[i]; }
  /// Aborts when something was written outside its block (core/pool.h).
  void check_sentinels() const {
    if (block_) pool::check_sentinels(block_->data, block_->bytes);
  }
  /// No other handle shares the elements.
  bool unique() const { return block_ && block_->owners.load(std::memory_order_acquire) == 1; }

  void fill(T value) const {
    for (Index i = 0; i < size(); ++i) data_[i] = value;
  }
  Array clone() const {
    Array copy(shape_);
    for (Index i = 0; i < size(); ++i) copy.data_[i] = data_[i];
    return copy;
  }
  /// The same elements under another shape. Throws ShapeError when the sizes differ.
  Array reshape(const Shape& shape) const;
  /// Elements [begin, end) of the first axis, sharing the memory. Throws ShapeError when they are not within it.
  Array slice(Index begin, Index end) const;
  /// The shape without the elements: undefined.
  Array shape_only() const {
    Array shape;
    shape.shape_ = shape_;
    return shape;
  }
  std::vector<T> to_vector() const { return {data_, data_ + size()}; }

 private:
  struct Block {
    explicit Block(Index size)
        : bytes(static_cast<std::size_t>(size) * sizeof(T)), data(static_cast<T*>(pool::allocate(bytes))) {}
    ~Block() { pool::release(data, bytes); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    std::atomic<int> owners{1};
    std::size_t bytes;
    T* data;
  };

  Block* block_ = nullptr;
  T* data_ = nullptr;
  Shape shape_;
};

using Tensor = Array<Real>;
/// Token ids, targets and lengths.
using IndexTensor = Array<std::int32_t>;

extern template class Array<Real>;
extern template class Array<std::int32_t>;

}  // namespace seqtape::inline SEQTAPE_PRECISION
