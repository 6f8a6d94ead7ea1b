#include "apps/measure/fft.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "core/kernels/long_conv.h"
#include "core/random.h"
#include "core/tensor.h"
#include "core/threads.h"

namespace seqtape {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// FFTW's single-precision library: plans for `count` real sequences of length n, there and back.
class Fftw {
 public:
  Fftw() : library_(dlopen("libfftw3f.so.3", RTLD_NOW)) {
    if (!library_) return;
    load(malloc_, "fftwf_malloc");
    load(free_, "fftwf_free");
    load(plan_there_, "fftwf_plan_many_dft_r2c");
    load(plan_back_, "fftwf_plan_many_dft_c2r");
    load(execute_, "fftwf_execute");
    load(destroy_, "fftwf_destroy_plan");
  }
  bool usable() const { return library_ && malloc_ && free_ && plan_there_ && plan_back_ && execute_ && destroy_; }

  struct Transform {
    const Fftw& fftw;
    float* real;
    float* complex;
    void *there, *back;

    Transform(const Fftw& f, int count, int n) : fftw(f) {
      constexpr unsigned kMeasure = 0;
      const int half = n / 2 + 1;
      real =
          static_cast<float*>(f.malloc_(sizeof(float) * static_cast<std::size_t>(count) * static_cast<std::size_t>(n)));
      complex = static_cast<float*>(
          f.malloc_(2 * sizeof(float) * static_cast<std::size_t>(count) * static_cast<std::size_t>(half)));
      there = f.plan_there_(1, &n, count, real, nullptr, 1, n, complex, nullptr, 1, half, kMeasure);
      back = f.plan_back_(1, &n, count, complex, nullptr, 1, half, real, nullptr, 1, n, kMeasure);
      std::fill(real, real + count * n, 0.5f);
    }
    ~Transform() {
      fftw.destroy_(there);
      fftw.destroy_(back);
      fftw.free_(real);
      fftw.free_(complex);
    }
    Transform(const Transform&) = delete;
    Transform& operator=(const Transform&) = delete;
    void run() const {
      fftw.execute_(there);
      fftw.execute_(back);
    }
  };

 private:
  template <class F>
  void load(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library_, name));
  }
  void* library_;
  void* (*malloc_)(std::size_t) = nullptr;
  void (*free_)(void*) = nullptr;
  void* (*plan_there_)(int, const int*, int, float*, const int*, int, int, float*, const int*, int, int,
                       unsigned) = nullptr;
  void* (*plan_back_)(int, const int*, int, float*, const int*, int, int, float*, const int*, int, int,
                      unsigned) = nullptr;
  void (*execute_)(void*) = nullptr;
  void (*destroy_)(void*) = nullptr;
};

}  // namespace

Json measure_fft() {
  const int threads = thread_count();
  set_thread_count(1);
  const Fftw fftw;
  Json report = Json::array();
  for (const Index n : {2048, 8192, 32768}) {
    const Index lanes = kernels::long_conv->fft_lanes();
    const Tensor data = Tensor::full(Shape{n, lanes}, 0.5f);
    const double elements = static_cast<double>(n * lanes);
    std::unique_ptr<Fftw::Transform> peer;
    if (fftw.usable()) peer = std::make_unique<Fftw::Transform>(fftw, static_cast<int>(lanes), static_cast<int>(n));
    std::vector<double> ours, theirs, ratios;
    for (int i = 0; i < 21; ++i) {  // in turn, so that a change of the machine's speed meets both
      data.fill(0.5f);              // neither side normalises
      ours.push_back(seconds_of([&] { kernels::long_conv->fft_there_and_back(1, n, data.data()); }));
      if (!peer) continue;
      std::fill(peer->real, peer->real + n * lanes, 0.5f);
      theirs.push_back(seconds_of([&] { peer->run(); }));
      ratios.push_back(ours.back() / theirs.back());
    }
    const auto ns = [&](double seconds) { return std::round(seconds / elements * 1e13) / 1e4; };
    Json entry = {{"name", "fft of real sequences, there and back"},
                  {"sizes", {{"n", n}, {"sequences", lanes}}},
                  {"threads", 1},
                  {"ns_per_element", ns(median(ours))},
                  {"floor_ns", 0.0}};
    if (peer) {
      entry["fftw_ns"] = ns(median(theirs));
      entry["ratio"] = std::round(median(ratios) * 100) / 100;
    }
    report.push_back(entry);
  }
  set_thread_count(threads);
  return report;
}

}  // namespace seqtape
