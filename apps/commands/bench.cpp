#include <cmath>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/measure/fft.h"
#include "apps/measure/kernels.h"
#include "apps/measure/training.h"
#include "core/blas.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

void bench_options(cxxopts::Options& options) {
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

/// The named model, with the --set assignments.
ModelConfig model_config(const std::string& name, Index width, Index layers, const std::vector<std::string>& sets) {
  Json root = {{"model", {{"name", name}, {"d_model", width}, {"layers", layers}}}};
  for (const std::string& assignment : sets) set_path(root, assignment);
  ModelConfig config;
  read_fields([&](Fields& f) { f.named("model", "", config.named()); }, root, "");
  return config;
}

int time_data(const cxxopts::ParseResult& args) {
  const auto& config = args["data"].as<std::string>();
  const DataCost cost = measure_data(RunConfig::load(config, sets(args)), args["seconds"].as<double>());
  if (args.count("json"))
    std::cout << Json({{"config", config},
                       {"pairs", cost.pairs},
                       {"step_ms", cost.with_data * 1e3},
                       {"step_ms_one_batch", cost.one_batch * 1e3},
                       {"ratio", cost.ratio}})
                     .dump(2)
              << '\n';
  else
    std::cout << format(
        "a step with its data %.2f ms, on one batch in memory %.2f ms: %.3f times (medians of %zu pairs)\n",
        cost.with_data * 1e3, cost.one_batch * 1e3, cost.ratio, cost.pairs);
  return 0;
}

int positive(const cxxopts::ParseResult& args, const char* option) {
  const int value = args[option].as<int>();
  if (value < 1) throw ConfigError(str("--", option, ": must be > 0, got ", value));
  return value;
}

int run_bench(const cxxopts::ParseResult& args) {
  if (args.count("isa")) set_isa(isa_from_name(args["isa"].as<std::string>()));
  if (args.count("data")) return time_data(args);
  Json report = {{"machine",
                  {{"processor", processor_name()},
                   {"instruction_set", isa_name(isa())},
                   {"blas_core", blas_core()},
                   {"threads", thread_count()},
                   {"memory_gb", std::round(physical_memory() / 1e9)}}}};
  report["kernels"] = args.count("model") ? Json::array() : measure_kernels();
  if (!args.count("model"))
    for (const Json& entry : measure_fft()) report["kernels"].push_back(entry);
  report["steps"] = Json::array();
  const std::string model = args.count("model") ? args["model"].as<std::string>() : "mamba";
  const Index width = positive(args, "d-model"), layers = positive(args, "layers");
  Json step = {{"model", model}, {"d_model", width}, {"layers", layers}};
  step.update(measure_training(model_config(model, width, layers, sets(args)), positive(args, "batch"),
                               positive(args, "length"), args["seconds"].as<double>()));
  report["steps"].push_back(step);
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
                     bench_options,
                     run_bench};

}  // namespace seqtape
