#include "apps/measure/kernels.h"

#include <algorithm>
#include <functional>

#include "core/clock.h"
#include "core/kernels/conv.h"
#include "core/kernels/gemm.h"
#include "core/kernels/log_mel.h"
#include "core/kernels/norm.h"
#include "core/kernels/pointwise.h"
#include "core/kernels/selective_scan.h"
#include "core/random.h"
#include "core/tensor.h"
#include "core/threads.h"

namespace seqtape {
namespace {

double median_seconds(const std::function<void()>& work) {
  work();
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 5 || (seconds_since(begin) < 0.7 && times.size() < 50)) {
    const auto start = Clock::now();
    work();
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

Tensor uniform(const Shape& shape, double low, double high) {
  static std::uint64_t stream = 0;
  Random random(1, "bench", ++stream);
  Tensor tensor(shape);
  for (Index i = 0; i < tensor.size(); ++i) tensor.data()[i] = static_cast<Real>(random.uniform(low, high));
  return tensor;
}

class Report {
 public:
  Report() {
    // The two ceilings: a large copy, and a large product.
    const Tensor a = uniform({Index{1} << 24}, 0, 1);
    const Tensor b = Tensor::zeros(a.shape());
    bytes_per_ns_ = 12.0 * static_cast<double>(a.size()) /
                    median_seconds([&] { kernels::pointwise->accumulate(a.size(), 1, a.data(), b.data()); }) * 1e-9;
    constexpr Index n = 1024;
    const Tensor x = uniform({n, n}, -1, 1), y = uniform({n, n}, -1, 1), z = Tensor::zeros({n, n});
    const auto product = [&] {
      kernels::gemm(kernels::Transpose::no, kernels::Transpose::no, n, n, n, x.data(), n, y.data(), n, 0, z.data(), n);
    };
    flops_per_ns_ = 2.0 * n * n * n / median_seconds(product) * 1e-9;
  }

  /// `bytes` and `flops` are those of one element.
  void add(const std::string& name, const Json& sizes, Index elements, double bytes, double flops,
           const std::function<void()>& work) {
    const double ns = median_seconds(work) / static_cast<double>(elements) * 1e9;
    json.push_back({{"name", name},
                    {"sizes", sizes},
                    {"threads", thread_count()},
                    {"ns_per_element", std::round(ns * 1e4) / 1e4},
                    {"floor_ns", std::round(std::max(bytes / bytes_per_ns_, flops / flops_per_ns_) * 1e4) / 1e4}});
  }

  Json json = Json::array();

 private:
  double bytes_per_ns_, flops_per_ns_;
};

void scan(Report& report) {
  const Index batch = 8, length = 1024, channels = 256, states = 16;
  const Shape rows{batch, length, channels}, inputs{batch, length, states};
  const Json sizes = {{"B", batch}, {"L", length}, {"D", channels}, {"N", states}};
  const Tensor x = uniform(rows, -1, 1), raw = uniform(rows, -5, -1), dt = uniform(rows, 1e-3, 0.1),
               gate = uniform(rows, -1, 1);
  const Tensor a = uniform({channels, states}, -16, -1), b = uniform(inputs, -1, 1), c = uniform(inputs, -1, 1);
  const Tensor skip = uniform({channels}, -1, 1), bias = uniform({channels}, -1, 1), dy = uniform(rows, -1, 1);
  const Tensor y(rows), dx = Tensor::zeros(rows), ddelta = Tensor::zeros(rows), dgate = Tensor::zeros(rows);
  const Tensor da = Tensor::zeros(a.shape()), db = Tensor::zeros(inputs), dc = Tensor::zeros(inputs);
  const Tensor dskip = Tensor::zeros({channels}), dbias = Tensor::zeros({channels});
  for (const bool fused : {false, true}) {
    const std::string name = fused ? "selective_scan with softplus and gate" : "selective_scan";
    const kernels::ScanSizes s{batch, length, channels, states, fused, nullptr};
    const kernels::ScanInputs in{x.data(),
                                 fused ? raw.data() : dt.data(),
                                 a.data(),
                                 b.data(),
                                 c.data(),
                                 skip.data(),
                                 fused ? gate.data() : nullptr,
                                 fused ? bias.data() : nullptr,
                                 nullptr};
    const Tensor saved(Shape{kernels::selective_scan->saved_size(s)});
    // An exp of 11 operations, the state's and the output's 2 multiply-adds: 15 for each of N states.
    report.add(name + ", forward", sizes, rows.size(), 4.0 * (3 + fused), 15.0 * states, [&] {
      kernels::selective_scan->forward(s, in, saved.data(), {y.data(), nullptr});
    });
    report.add(name + ", backward", sizes, rows.size(), 4.0 * (7 + 3 * fused), 32.0 * states, [&] {
      kernels::selective_scan->backward(s, in, saved.data(), {dy.data(), nullptr},
                                        {dx.data(), ddelta.data(), da.data(), db.data(), dc.data(), dskip.data(),
                                         fused ? dgate.data() : nullptr, fused ? dbias.data() : nullptr, nullptr});
    });
  }
}

void conv(Report& report) {
  const Index batch = 8, length = 1024, channels = 256, taps = 4;
  const Shape rows{batch, length, channels};
  const Json sizes = {{"B", batch}, {"L", length}, {"D", channels}, {"K", taps}};
  const Tensor x = uniform(rows, -1, 1), w = uniform({channels, taps}, -1, 1), bias = uniform({channels}, -1, 1),
               y(rows);
  const Tensor dy = uniform(rows, -1, 1), dx = Tensor::zeros(rows), dw = Tensor::zeros(w.shape()),
               db = Tensor::zeros({channels});
  const kernels::ConvSizes s{batch, length, channels, taps, nullptr, true};
  const kernels::ConvInputs in{x.data(), w.data(), bias.data(), nullptr};
  report.add("causal_conv1d with silu, forward", sizes, rows.size(), 8, 24, [&] {
    kernels::conv->forward(s, in, {y.data(), nullptr});
  });
  report.add("causal_conv1d with silu, backward", sizes, rows.size(), 16, 48, [&] {
    kernels::conv->backward(s, in, {dy.data(), nullptr}, {dx.data(), dw.data(), db.data(), nullptr});
  });
}

void log_mel(Report& report) {
  const Index frames = 512;
  const MelBands bands{1024, 256, 128, 8000, 20, 4000};
  const Tensor x = uniform({frames, bands.window}, -1, 1), y({frames, bands.bands});
  const Json sizes = {{"frames", frames}, {"window", bands.window}, {"bands", bands.bands}};
  // The transform of n real numbers, 2.5 n log2 n, and the window, the power and two bands of each frequency.
  report.add("log_mel, forward", sizes, x.size(), 4, 2.5 * 10 + 5,
             [&] { kernels::log_mel->forward(bands, frames, x.data(), y.data()); });
}

void norm(Report& report) {
  const Index rows = 8192, n = 128;
  const Json sizes = {{"rows", rows}, {"n", n}};
  const Tensor x = uniform({rows, n}, -1, 1), w = uniform({n}, -1, 1), y({rows, n}), scale({rows});
  const Tensor dy = uniform({rows, n}, -1, 1), dx = Tensor::zeros({rows, n}), dw = Tensor::zeros({n});
  report.add("rms_norm, forward", sizes, rows * n, 8, 4,
             [&] { kernels::norm->rms(rows, n, 1e-5, x.data(), w.data(), y.data(), scale.data()); });
  report.add("rms_norm, backward", sizes, rows * n, 16, 12, [&] {
    kernels::norm->rms_backward(rows, n, x.data(), w.data(), scale.data(), dy.data(), dx.data(), dw.data());
  });
}

void products(Report& report) {
  using kernels::Transpose;
  const Index m = 8192, n = 256, k = 128;
  const Tensor x = uniform({m, k}, -1, 1), w = uniform({n, k}, -1, 1), y({m, n}), dw({n, k});
  const Json sizes = {{"rows", m}, {"out", n}, {"in", k}};
  report.add("linear, forward", sizes, m * n, 0, 2.0 * k,
             [&] { kernels::gemm(Transpose::no, Transpose::yes, m, n, k, x.data(), k, w.data(), k, 0, y.data(), n); });
  report.add("linear, weight gradient", sizes, m * n, 0, 2.0 * k,
             [&] { kernels::gemm(Transpose::yes, Transpose::no, n, k, m, y.data(), n, x.data(), k, 0, dw.data(), k); });
}

}  // namespace

Json measure_kernels() {
  Report report;
  scan(report);
  conv(report);
  log_mel(report);
  norm(report);
  products(report);
  return report.json;
}

}  // namespace seqtape
