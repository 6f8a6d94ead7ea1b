// Where float is hard: a hundred thousand steps, decays near 0 and near 1, beta near 2, gates of 80.
#include "tests/core/kernels/long_runs.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/strings.h"

using namespace seqtape;
using testing_bridge::LongRun;

namespace seqtape::testing_bridge {
std::string LongRun::text() const {
  return format("%s, decay %s, gates %g to %g, writes %g to %g", kernel.c_str(), decay.c_str(), least_gate, most_gate,
                least_write, most_write);
}
}  // namespace seqtape::testing_bridge

namespace {

/// |a - b| / |b| in the Euclidean norm.
double relative(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("after 100,000 steps in chunks float differs from double by rounding only") {
  for (const LongRun& run : std::vector<LongRun>{{"delta", "head", -1e-3, -1e-5, 0.1, 1},
                                                 {"delta", "head", -1e-3, -1e-5, 1.9, 2},
                                                 {"delta", "head", -20, -3, 0.1, 1},
                                                 {"delta", "channel", -5, -1e-6, 0.1, 2},
                                                 {"delta", "none", 0, 0, 0.1, 2},
                                                 {"delta", "none", 0, 0, 1.99, 2},
                                                 {"outer", "head", -1e-3, -1e-5, 0, 0},
                                                 {"outer", "channel", -5, -1e-6, 0, 0},
                                                 {"outer", "channel", -30, -10, 0, 0},
                                                 {"mlstm", "", -5, 10, -10, 10},
                                                 {"mlstm", "", 3, 12, -3, 3}}) {
    CAPTURE(run.text());
    constexpr long long kLength = 1000, kChunks = 100;
    const std::vector<double> exact = testing_bridge::last_outputs_in_double(run, kChunks, kLength);
    double largest = 0;
    for (const double y : exact) largest = std::max(largest, std::fabs(y));
    CHECK(largest > 1e-6);  // there is something to compare
    const double off = relative(testing_bridge::last_outputs_in_float(run, kChunks, kLength), exact);
    MESSAGE(run.text(), ": ", off);
    CHECK(off < 1e-4);
  }
}

TEST_CASE("gates of 80 on either side leave every output, state and gradient finite") {
  for (const LongRun& run : std::vector<LongRun>{{"delta", "head", -80, 0, 0, 2},
                                                 {"delta", "channel", -80, 0, 0, 2},
                                                 {"outer", "channel", -80, -79, 0, 0},
                                                 {"outer", "head", -80, 0, 0, 0},
                                                 {"mlstm", "", -80, 80, -80, 80},
                                                 {"mlstm", "", -80, -80, 80, 80},
                                                 {"mlstm", "", 80, 80, 80, 80},
                                                 {"mlstm", "", 80, 80, -80, -80}}) {
    CAPTURE(run.text());
    const std::vector<double> values = testing_bridge::all_in_float(run, 200);
    std::size_t odd = 0, zero = 0;
    for (const double value : values) odd += !std::isfinite(value), zero += value == 0;
    CHECK_EQ(odd, 0);
    CHECK(zero < values.size());
  }
}
