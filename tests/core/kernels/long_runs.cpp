#include "tests/core/kernels/long_runs.h"

#include <cmath>

#include "core/kernels/matrix_recurrence.h"
#include "core/kernels/mlstm.h"
#include "core/random.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

using testing_bridge::LongRun;
using Values = std::vector<Real>;

constexpr Index kHeads = 2, kKeys = 8, kChannels = 8;

/// What a chunk reads, drawn as floats, so that both precisions have the same.
struct Chunk {
  Values q, k, v, gates, writes;
  Chunk(const LongRun& run, Index number, Index length) {
    Random random(7, "long run", static_cast<std::uint64_t>(number));
    const auto drawn = [&](Index count, double least, double most) {
      Values values;
      for (Index i = 0; i < count; ++i)
        values.push_back(static_cast<Real>(static_cast<float>(least + (most - least) * random.uniform())));
      return values;
    };
    q = drawn(length * kHeads * kKeys, -1, 1);
    k = drawn(length * kHeads * kKeys, -1, 1);
    v = drawn(length * kHeads * kChannels, -1, 1);
    gates = drawn(length * kHeads * (run.decay == "channel" ? kKeys : 1), run.least_gate, run.most_gate);
    writes = drawn(length * kHeads, run.least_write, run.most_write);
    // The delta rule is a contraction for keys of length 1.
    for (std::size_t at = 0; at < k.size(); at += kKeys) {
      double square = 0;
      for (std::size_t i = at; i < at + kKeys; ++i) square += static_cast<double>(k[i]) * static_cast<double>(k[i]);
      for (std::size_t i = at; i < at + kKeys; ++i)
        k[i] = static_cast<Real>(static_cast<float>(static_cast<double>(k[i]) / std::sqrt(square)));
    }
  }
};

/// A chunk, and with `gradients` its backward under outputs' gradients of 1; the state goes on to the next.
class Runner {
 public:
  explicit Runner(const LongRun& run)
      : run_(run), state_(kHeads * kKeys * (kChannels + 1)), maximum_(kHeads), last_(state_), last_maximum_(maximum_) {}

  Values chunk(Index number, Index length, Values* gradients = nullptr) {
    const Chunk in(run_, number, length);
    Values y(static_cast<std::size_t>(length * kHeads * kChannels));
    const Values dy(y.size(), 1), ds(state_.size(), 1), dm(maximum_.size(), 1);
    Values dq(in.q.size()), dk(in.k.size()), dv(in.v.size()), dg(in.gates.size()), dw(in.writes.size());
    if (run_.kernel == "mlstm") {
      const kernels::MlstmSizes sizes{1, length, kHeads, kKeys, kChannels};
      const auto& mlstm = kernels::mlstm;
      const kernels::MlstmInputs inputs{in.q.data(),     in.k.data(),   in.v.data(),    in.writes.data(),
                                        in.gates.data(), state_.data(), maximum_.data()};
      const kernels::MlstmOutputs outputs{y.data(), last_.data(), last_maximum_.data()};
      Values saved(gradients ? static_cast<std::size_t>(mlstm->saved_size(sizes)) : 0);
      mlstm->forward(sizes, inputs, gradients ? saved.data() : nullptr, outputs);
      if (gradients)
        mlstm->backward(sizes, inputs, saved.data(), outputs, {dy.data(), ds.data(), dm.data()},
                        {dq.data(), dk.data(), dv.data(), dw.data(), dg.data(), nullptr, nullptr});
    } else {
      const kernels::Decay decay = run_.decay == "none"   ? kernels::Decay::none
                                   : run_.decay == "head" ? kernels::Decay::head
                                                          : kernels::Decay::channel;
      const kernels::MatrixRecurrenceSizes sizes{1, length, kHeads, kKeys, kChannels, 1, decay};
      const auto& recurrence = kernels::matrix_recurrence;
      const bool delta = run_.kernel == "delta", decays = run_.decay != "none";
      const kernels::MatrixRecurrenceInputs inputs{in.q.data(),
                                                   in.k.data(),
                                                   in.v.data(),
                                                   nullptr,
                                                   nullptr,
                                                   delta ? in.writes.data() : nullptr,
                                                   decays ? in.gates.data() : nullptr,
                                                   state_.data()};
      const kernels::MatrixRecurrenceOutputs outputs{y.data(), last_.data()};
      Values saved(gradients ? static_cast<std::size_t>(recurrence->saved_size(sizes)) : 0);
      recurrence->forward(sizes, inputs, gradients ? saved.data() : nullptr, outputs);
      if (gradients)
        recurrence->backward(sizes, inputs, saved.data(), {dy.data(), ds.data()},
                             {dq.data(), dk.data(), dv.data(), nullptr, nullptr, delta ? dw.data() : nullptr,
                              decays ? dg.data() : nullptr, nullptr});
    }
    state_.swap(last_);
    maximum_.swap(last_maximum_);
    if (gradients)
      for (const Values* part : {&state_, &maximum_, &dq, &dk, &dv, &dg, &dw})
        gradients->insert(gradients->end(), part->begin(), part->end());
    return y;
  }

 private:
  LongRun run_;
  Values state_, maximum_, last_, last_maximum_;
};

}  // namespace

std::vector<double> last_outputs(const LongRun& run, Index chunks, Index length) {
  Runner runner(run);
  Values y;
  for (Index c = 0; c < chunks; ++c) y = runner.chunk(c, length);
  return {y.begin(), y.end()};
}

std::vector<double> all(const LongRun& run, Index length) {
  Values gradients;
  const Values y = Runner(run).chunk(0, length, &gradients);
  std::vector<double> values(y.begin(), y.end());
  values.insert(values.end(), gradients.begin(), gradients.end());
  return values;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing

namespace seqtape::testing_bridge {
#ifdef SEQTAPE_DOUBLE
std::vector<double> last_outputs_in_double(const LongRun& run, long long chunks, long long length) {
  return testing::last_outputs(run, chunks, length);
}
#else
std::vector<double> last_outputs_in_float(const LongRun& run, long long chunks, long long length) {
  return testing::last_outputs(run, chunks, length);
}
std::vector<double> all_in_float(const LongRun& run, long long length) { return testing::all(run, length); }
#endif
}  // namespace seqtape::testing_bridge
