#include <algorithm>
#include <iostream>

#include "apps/commands/bench_fft.h"
#include "apps/commands/bench_kernels.h"
#include "apps/commands/command.h"
#include "apps/compare/measure.h"
#include "apps/trainer/evaluate.h"
#include "apps/trainer/training.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/pool.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("json", "print one JSON document")(
      "model", "time one training step of this model instead of the kernels", cxxopts::value<std::string>(), "NAME")(
      "data", "time this config's steps with its data, and in turns on one batch in memory",
      cxxopts::value<std::string>(), "CONFIG")("d-model", "width", cxxopts::value<int>()->default_value("128"), "N")(
      "layers", "blocks", cxxopts::value<int>()->default_value("4"), "N")(
      "batch", "sequences", cxxopts::value<int>()->default_value("8"), "N")(
      "length", "steps of a sequence", cxxopts::value<int>()->default_value("1024"), "N")(
      "isa", "base, avx2 or avx512; default: the best", cxxopts::value<std::string>(), "SET")(
      "seconds", "time to spend on one step's timing", cxxopts::value<double>()->default_value("5"), "S");
  common_options(options);
}

/// A training step of a byte language model: forward, backward, clipping, AdamW.
Json time_step(const std::string& name, Index width, Index layers, Index batch, Index length, double seconds,
               const std::vector<std::string>& sets) {
  Json json = {{"name", name}, {"d_model", width}, {"layers", layers}};
  Json root = {{"model", json}};
  for (const std::string& assignment : sets) set_path(root, assignment);
  ModelConfig config;
  read_fields([&](Fields& f) { f.named("model", "", config.named()); }, root, "");
  SequenceModel model(config, {.vocabulary = 256, .outputs = 256});
  allocate(model.parameters(), 1);
  auto optimizer = optimizers().find("adamw")->make();
  optimizer->attach(model.parameters());
  Random random(1, "bench");
  const Shape shape{batch, length};
  IndexTensor tokens(shape), targets(shape);
  for (Index i = 0; i < shape.size(); ++i) tokens.data()[i] = static_cast<std::int32_t>(random.below(256));
  for (Index i = 0; i < shape.size(); ++i) targets.data()[i] = tokens.data()[(i + 1) % shape.size()];
  const double start_rss = resident_memory();
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 4 || (seconds_since(begin) < seconds && times.size() < 200)) {
    const auto start = Clock::now();
    optimizer->clear_gradients();
    {
      Tape tape;
      ModelState state;
      tape.backward(cross_entropy(
          model.forward({tokens, {}, {}}, state, {.training = true, .dropout = {times.size()}, .carry = false}),
          targets));
    }
    optimizer->step(1, optimizer->gradient_norm());
    times.push_back(seconds_since(start));
  }
  times.erase(times.begin());  // the first fills the pool
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2], peak = peak_resident();
  Json report = {{"model", name},
                 {"d_model", width},
                 {"layers", layers},
                 {"batch", batch},
                 {"length", length},
                 {"threads", thread_count()},
                 {"parameters", model.parameter_count()},
                 {"step_ms", std::round(median * 1e5) / 100},
                 {"tokens_per_second", std::round(static_cast<double>(batch * length) / median)},
                 {"peak_rss_mb", std::round(peak / 1048576)},
                 {"start_rss_mb", std::round(start_rss / 1048576)},
                 {"forward_ms", std::round(1e5 * measure_forward(model, batch, length, seconds / 4)) / 100}};
  if (model.streams()) {
    const Streaming streaming = measure_streaming(model, length, seconds / 4);
    report["state_bytes"] = streaming.state_bytes;
    report["generate_us"] = std::round(1e8 / streaming.steps_per_second) / 100;
  }
  return report;
}

/// What the data cost: steps that read them and steps on one batch, in turns, and the median of the pairs' ratios.
int time_data(const cxxopts::ParseResult& args) {
  Training training(RunConfig::load(args["data"].as<std::string>(), sets(args)));
  training.allocate();
  Batch fixed;
  training.config.task->training_batch(0, training.config.train.batch, fixed);
  training.step(0);
  std::vector<double> with, without, ratios;
  const auto begin = Clock::now();
  for (Index i = 1; ratios.size() < 5 || seconds_since(begin) < args["seconds"].as<double>(); ++i) {
    const auto timed = [](const auto& step) {
      const auto start = Clock::now();
      step();
      return seconds_since(start);
    };
    with.push_back(timed([&] { training.step(i); }));
    without.push_back(timed([&] { training.step(i, fixed, false); }));
    ratios.push_back(with.back() / without.back());
  }
  const auto median = [](std::vector<double>& list) {
    std::sort(list.begin(), list.end());
    return list[list.size() / 2];
  };
  const double read = median(with), held = median(without), ratio = median(ratios);
  if (args.count("json"))
    std::cout << Json({{"config", args["data"].as<std::string>()},
                       {"pairs", ratios.size()},
                       {"step_ms", read * 1e3},
                       {"step_ms_one_batch", held * 1e3},
                       {"ratio", ratio}})
                     .dump(2)
              << '\n';
  else
    std::cout << format(
        "a step with its data %.2f ms, on one batch in memory %.2f ms: %.3f times (medians of %zu pairs)\n", read * 1e3,
        held * 1e3, ratio, ratios.size());
  return 0;
}

int positive(const cxxopts::ParseResult& args, const char* option) {
  const int value = args[option].as<int>();
  if (value < 1) throw ConfigError(str("--", option, ": must be > 0, got ", value));
  return value;
}

int run(const cxxopts::ParseResult& args) {
  if (args.count("isa")) set_isa(isa_from_name(args["isa"].as<std::string>()));
  if (args.count("data")) return time_data(args);
  Json report = {{"machine",
                  {{"processor", processor_name()},
                   {"instruction_set", isa_name(isa())},
                   {"blas_core", blas_core()},
                   {"threads", thread_count()},
                   {"memory_gb", std::round(physical_memory() / 1e9)}}}};
  report["kernels"] = args.count("model") ? Json::array() : bench_kernels();
  if (!args.count("model"))
    for (const Json& entry : bench_fft()) report["kernels"].push_back(entry);
  report["steps"] = Json::array();
  const std::string model = args.count("model") ? args["model"].as<std::string>() : "mamba";
  report["steps"].push_back(time_step(model, positive(args, "d-model"), positive(args, "layers"),
                                      positive(args, "batch"), positive(args, "length"), args["seconds"].as<double>(),
                                      sets(args)));
  if (args.count("json")) {
    std::cout << report.dump(2) << '\n';
    return 0;
  }
  std::cout << report["machine"]["processor"].get<std::string>() << ", " << isa_name(isa()) << ", " << thread_count()
            << " threads\n";
  for (const auto& kernel : report["kernels"]) {
    std::cout << format("%-48s %-36s %8.3f ns an element", kernel["name"].get<std::string>().c_str(),
                        kernel["sizes"].dump().c_str(), kernel["ns_per_element"].get<double>());
    if (kernel.contains("ratio"))
      std::cout << format("   %.2f of FFTW's time\n", kernel["ratio"].get<double>());
    else
      std::cout << format("   floor %8.3f\n", kernel["floor_ns"].get<double>());
  }
  for (const auto& step : report["steps"])
    std::cout << format(
        "%s training step, d %lld, %lld layers, batch %lld, length %lld: %.1f ms, %s tokens/s, peak %.0f MB\n",
        step["model"].get<std::string>().c_str(), step["d_model"].get<long long>(), step["layers"].get<long long>(),
        step["batch"].get<long long>(), step["length"].get<long long>(), step["step_ms"].get<double>(),
        grouped(step["tokens_per_second"].get<Index>()).c_str(), step["peak_rss_mb"].get<double>());
  return 0;
}

}  // namespace

const Command kBench{"bench",
                     "[--model NAME | --data CONFIG] [--json]",
                     "time the kernels, a training step, or what a config's data cost",
                     "seqtape bench --model mamba --length 4096 --batch 8 --json",
                     options,
                     run};

}  // namespace seqtape
