#pragma once
// The number type. Everything that computes is compiled twice from the same sources: in float, which trains, and in
// double (SEQTAPE_DOUBLE), which the gradient checks run. The two live in namespaces of their own, so both link into
// one binary; the namespace is inline, so code names `seqtape::Tensor` and gets the one it was compiled for.

#include <cstdint>

namespace seqtape {
using Index = std::int64_t;
}

#ifdef SEQTAPE_DOUBLE
#define SEQTAPE_PRECISION f64
#define SEQTAPE_OTHER_PRECISION f32
namespace seqtape::inline f64 {
using Real = double;
}
#else
#define SEQTAPE_PRECISION f32
#define SEQTAPE_OTHER_PRECISION f64
namespace seqtape::inline f32 {
using Real = float;
}
#endif
