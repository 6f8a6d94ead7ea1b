#include "core/kernels/pointwise.h"

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/random.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kBlock = 16384;  // elements to a parallel item: 64 KiB of float, well under a core's L2

template <class Body>
void each(Index n, const Body& body) {
  parallel_blocks(n, kBlock, [&](Index begin, Index end) { for_lanes(begin, end, body); });
}

struct Silu {
  static Vec value(Vec x) { return x * sigmoid(x); }
  static Vec slope(Vec x) {
    const Vec s = sigmoid(x);
    return s * (Real{1} + x * (Real{1} - s));
  }
};
struct Sigmoid {
  static Vec value(Vec x) { return sigmoid(x); }
  static Vec slope(Vec x) {
    const Vec s = sigmoid(x);
    return s * (Real{1} - s);
  }
};
struct Tanh {
  static Vec value(Vec x) { return tanh(x); }
  static Vec slope(Vec x) {
    const Vec t = tanh(x);
    return Real{1} - t * t;
  }
};
struct Relu {
  // NaN passes: not (x <= 0), rather than x > 0.
  static Vec value(Vec x) { return x <= Real{0} ? Vec{} : x; }
  static Vec slope(Vec x) { return x > Real{0} ? splat(1) : Vec{}; }
};
struct Gelu {
  static Vec value(Vec x) { return x * normal_cdf(x); }
  static Vec slope(Vec x) {
    constexpr Real kInverseSqrt2Pi = Real(0.39894228040143267794);
    return normal_cdf(x) + x * kInverseSqrt2Pi * exp(x * x * Real(-0.5));
  }
};
struct GeluTanh {
  static constexpr Real kScale = Real(0.79788456080286535588), kCubic = Real(0.044715);  // sqrt(2/pi)
  static Vec value(Vec x) { return Real(0.5) * x * (Real{1} + tanh(kScale * (x + kCubic * x * x * x))); }
  static Vec slope(Vec x) {
    const Vec t = tanh(kScale * (x + kCubic * x * x * x));
    return Real(0.5) * (Real{1} + t) +
           Real(0.5) * x * (Real{1} - t * t) * kScale * (Real{1} + Real{3} * kCubic * x * x);
  }
};
struct Softplus {
  static Vec value(Vec x) { return softplus(x); }
  static Vec slope(Vec x) { return sigmoid(x); }
};
struct Exp {
  static Vec value(Vec x) { return exp(x); }
  static Vec slope(Vec x) { return exp(x); }
};
struct NegativeExp {
  static Vec value(Vec x) { return -exp(x); }
  static Vec slope(Vec x) { return -exp(x); }
};

template <class Body>
void with(Activation f, const Body& body) {
  switch (f) {
    case Activation::silu:
      return body(Silu{});
    case Activation::sigmoid:
      return body(Sigmoid{});
    case Activation::tanh:
      return body(Tanh{});
    case Activation::relu:
      return body(Relu{});
    case Activation::gelu:
      return body(Gelu{});
    case Activation::gelu_tanh:
      return body(GeluTanh{});
    case Activation::softplus:
      return body(Softplus{});
    case Activation::exp:
      return body(Exp{});
    case Activation::negative_exp:
      return body(NegativeExp{});
  }
}

void activation(Activation f, Index n, const Real* x, Real* y) {
  with(f, [&](auto function) {
    each(n, [&](Index i, Index lanes) { store(y + i, function.value(load(x + i, lanes)), lanes); });
  });
}

void activation_backward(Activation f, Index n, const Real* x, const Real* dy, Real* dx) {
  with(f, [&](auto function) {
    each(n, [&](Index i, Index lanes) {
      add_to(dx + i, load(dy + i, lanes) * function.slope(load(x + i, lanes)), lanes);
    });
  });
}

void add(Index n, const Real* a, const Real* b, Real* y) {
  each(n, [&](Index i, Index lanes) { store(y + i, load(a + i, lanes) + load(b + i, lanes), lanes); });
}

void accumulate(Index n, Real scale, const Real* x, Real* y) {
  each(n, [&](Index i, Index lanes) { add_to(y + i, scale * load(x + i, lanes), lanes); });
}

void multiply(Index n, const Real* a, const Real* b, Real* y) {
  each(n, [&](Index i, Index lanes) { store(y + i, load(a + i, lanes) * load(b + i, lanes), lanes); });
}

void multiply_backward(Index n, const Real* a, const Real* b, const Real* dy, Real* da, Real* db) {
  each(n, [&](Index i, Index lanes) {
    const Vec g = load(dy + i, lanes);
    if (da) add_to(da + i, g * load(b + i, lanes), lanes);
    if (db) add_to(db + i, g * load(a + i, lanes), lanes);
  });
}

void scale_columns(Index rows, Index n, const Real* x, const Real* weight, Real* y) {
  parallel_blocks(rows, 64, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      for_lanes(0, n, [&](Index i, Index lanes) {
        store(y + r * n + i, load(x + r * n + i, lanes) * load(weight + i, lanes), lanes);
      });
  });
}

void scale_columns_backward(Index rows, Index n, const Real* x, const Real* weight, const Real* dy, Real* dx,
                            Real* dweight) {
  constexpr Index kRows = 64;
  const Index items = (rows + kRows - 1) / kRows;
  const Scratch partial(items * n, 0);
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      for_lanes(0, n, [&](Index i, Index lanes) {
        const Vec g = load(dy + r * n + i, lanes);
        if (dx) add_to(dx + r * n + i, g * load(weight + i, lanes), lanes);
        add_to(partial.data() + begin / kRows * n + i, g * load(x + r * n + i, lanes), lanes);
      });
  });
  if (dweight)
    for (Index item = 0; item < items; ++item)
      for (Index i = 0; i < n; ++i) dweight[i] += partial.data()[item * n + i];
}

void glu(Index rows, Index n, const Real* x, Real* y) {
  parallel_blocks(rows, 64, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      for_lanes(0, n, [&](Index i, Index lanes) {
        const Real* row = x + r * 2 * n + i;
        store(y + r * n + i, load(row, lanes) * sigmoid(load(row + n, lanes)), lanes);
      });
  });
}

void glu_backward(Index rows, Index n, const Real* x, const Real* dy, Real* dx) {
  parallel_blocks(rows, 64, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      for_lanes(0, n, [&](Index i, Index lanes) {
        const Vec a = load(x + r * 2 * n + i, lanes), s = sigmoid(load(x + r * 2 * n + n + i, lanes));
        const Vec g = load(dy + r * n + i, lanes);
        add_to(dx + r * 2 * n + i, g * s, lanes);
        add_to(dx + r * 2 * n + n + i, g * a * s * (Real{1} - s), lanes);
      });
  });
}

void dropout(Index batch, Index length, Index width, double rate, const DropoutKey& key, bool accumulate, const Real* x,
             Real* y) {
  const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);  // dropped when bits < threshold
  const Real scale = static_cast<Real>(1 / (1 - rate));
  const Index first = key.step * width, size = length * width;  // a stream for each sequence
  const Index blocks = (size + kBlock - 1) / kBlock;
  parallel_for(batch * blocks, [&](Index block) {
    const Index b = block / blocks, begin = block % blocks * kBlock, end = std::min(size, begin + kBlock);
    const auto stream = static_cast<std::uint64_t>(key.sequence + b);
    const Real* const from = x + b * size;
    Real* const to = y + b * size;
    for (Index i = begin; i < end;) {
      const auto bits = philox(key.key, static_cast<std::uint64_t>((first + i) / 4), stream);
      for (Index word = (first + i) % 4; word < 4 && i < end; ++word, ++i) {
        const Real kept = bits[static_cast<std::size_t>(word)] < threshold ? 0 : from[i] * scale;
        to[i] = accumulate ? to[i] + kept : kept;
      }
    }
  });
}

}  // namespace

extern const Pointwise pointwise;
const Pointwise pointwise{activation,    activation_backward,    add, accumulate,   multiply, multiply_backward,
                          scale_columns, scale_columns_backward, glu, glu_backward, dropout};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
