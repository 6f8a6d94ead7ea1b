#include "core/tensor.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "core/error.h"

using namespace seqtape;

TEST_CASE("shapes refuse what memory cannot hold") {
  CHECK_THROWS_AS((Shape{1 << 30, 1 << 30, 1 << 30}), ShapeError);
  CHECK_THROWS_AS((Shape{-1}), ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_EQ(str(Shape{2, 3}), "[2, 3]");
  CHECK_EQ(Shape{}.size(), 1);
}

TEST_CASE("tensors are aligned, share on copy, and copy on clone") {
  const Tensor a = Tensor::full(Shape{3, 5}, 2);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % 64, 0);
  const Tensor b = a, c = a.clone();
  b.data()[0] = 7;
  CHECK_EQ(a.data()[0], 7);
  CHECK_EQ(c.data()[0], 2);
  CHECK_FALSE(a.unique());
  CHECK(c.unique());
  CHECK_EQ(a.slice(1, 3).data(), a.data() + 5);
  CHECK_THROWS_AS(static_cast<void>(a.slice(1, 4)), ShapeError);
  CHECK_THROWS_AS(static_cast<void>(a.reshape(Shape{4})), ShapeError);
}

TEST_CASE("the pool hands a released block out again") {
  const auto before = pool::statistics();
  void* first = nullptr;
  {
    const Tensor a(Shape{12345});
    first = a.data();
  }
  const Tensor b(Shape{12345});
  CHECK_EQ(b.data(), first);
  CHECK(pool::statistics().system_allocations <= before.system_allocations + 1);
}
