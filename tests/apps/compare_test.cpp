// `seqtape compare` as a user runs it, and the verdict from made-up numbers.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "apps/compare/results.h"
#include "apps/compare/scaling.h"
#include "apps/report/curve.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::TemporaryFolder;

namespace {

testing::Outcome run_program(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) line += " '" + argument + "'";
  return testing::seqtape(line);
}

constexpr const char* kComparison = R"({
  "title": "A small one",
  "task": {"name": "selective_copying", "length": 20, "items": 4, "vocab": 6, "eval_sequences": 16},
  "optimizer": {"name": "adamw", "lr": 0.01},
  "train": {"steps": 40, "batch": 8, "tensorboard": false},
  "models": [{"model": {"name": "gru", "d_model": 16, "layers": 1}},
             {"label": "a rate too high", "model": {"name": "rnn", "d_model": 16, "layers": 1, "nonlinearity": "relu"},
              "optimizer": {"name": "sgd", "lr": 1e30, "clip_norm": 1e30}},
             {"model": {"name": "mamba", "d_model": 16, "layers": 1}}],
  "seeds": [1, 2], "lengths": [12, 40], "decided_at": 40,
  "quick": {"train": {"steps": 5}, "seeds": [3]}
})";

Json results_of(const std::filesystem::path& folder) {
  return parse_json(read_file(folder / "results.json"), "results");
}

/// A member with these values of the metric, a seed each.
Json member(const std::string& label, std::vector<double> values, int failed = 0) {
  std::sort(values.begin(), values.end());
  Json json = {{"label", label}, {"finished", values.size()}, {"failed", failed}, {"runs", Json::array()}};
  for (std::size_t i = 0; i < values.size() + static_cast<std::size_t>(failed); ++i)
    json["runs"].push_back(Json::object());
  json["median"] = values.empty() ? Json() : Json(values[values.size() / 2]);
  json["worst"] = values.empty() ? Json() : Json(values.front());
  json["best"] = values.empty() ? Json() : Json(values.back());
  return json;
}

std::string verdict_on(std::vector<Json> members) {
  return verdict({{"metric", "accuracy"}, {"higher_is_better", true}, {"members", members}});
}

}  // namespace

TEST_CASE("the verdict follows from the numbers") {
  CHECK_EQ(verdict_on({member("a", {0.5, 0.55, 0.6}), member("b", {0.9, 0.95, 0.99})}),
           "b is first by a wide margin: accuracy 95.0 %, then a with 55.0 %. Its worst seed is better than the best "
           "seed of every "
           "other.");
  CHECK_EQ(verdict_on({member("a", {0.5, 0.55, 0.92}), member("b", {0.9, 0.95, 0.99}), member("c", {0.1})}),
           "No clear winner: b has the better median (accuracy 95.0 %), but the seeds of a reach into its range.");
  CHECK_EQ(
      verdict_on({member("a", {0.5}), member("b", {0.9})}),
      "b is first: accuracy 90.0 %, then a with 50.0 %. One seed each: how much of that is chance cannot be told.");
  CHECK_EQ(verdict_on({member("a", {}, 2), member("b", {0.9, 0.9})}),
           "Only b has finished: accuracy 90.0 %. a failed in 2 of 2 runs.");
  CHECK_EQ(verdict_on({member("a", {0.5, 0.6, 0.7}), member("b", {0.75, 0.9})}).substr(0, 23),
           "b is first: accuracy 90");
  CHECK_EQ(verdict_on({member("a", {0.5, 0.51}), member("b", {0.9, 0.91})}).substr(0, 21),
           "b is first: accuracy ");  // two
  CHECK_EQ(verdict_on({member("a", {0.5, 0.55}), member("b", {0.9, 0.95}, 1)}),
           "No clear winner: b has the better median (accuracy 95.0 %), but not every run of it came to a result. b "
           "failed in 1 of 3 runs.");
  CHECK_EQ(verdict_on({member("a", {}, 1)}), "No run has finished. a failed in 1 of 1 runs.");
}

TEST_CASE("growth is the exponent of the longer points") {
  std::vector<double> x, linear, quadratic;
  for (double length = 100; length < 1e5; length *= 2) {
    x.push_back(length);
    linear.push_back(3 * length);
    quadratic.push_back(100 * length + length * length);
  }
  CHECK(growth(x, linear) == doctest::Approx(1));
  CHECK(growth(x, quadratic) == doctest::Approx(1.97).epsilon(0.01));
  CHECK(std::isnan(growth({1, 2}, {1, 2})));
  CHECK_EQ(growth_text(1.9), "L^1.90, quadratic");
  CHECK_EQ(growth_text(0.98), "L^0.98, linear");
}

TEST_CASE("compare: a table, a page; a failure is one run's; killed, it goes on to the same numbers") {
  const TemporaryFolder folder;
  write_file(folder / "c.json", kComparison);
  const std::string file = (folder / "c.json").string(), out = (folder / "out").string(),
                    other = (folder / "o").string();
  const auto whole = run_program({"compare", file, "--out", out});
  CAPTURE(whole.out);
  CAPTURE(whole.err);
  REQUIRE_EQ(whole.exit_code, 0);
  CHECK(whole.out.find("a rate too high failed in 2 of 2 runs.") != std::string::npos);
  const Json results = results_of(out);
  REQUIRE_EQ(results["members"].size(), 3);
  for (const Json& one : results["members"]) {
    const bool bad = one["label"] == "a rate too high";
    CHECK_EQ(one["finished"], bad ? 0 : 2);
    for (const Json& run : one["runs"]) {
      CHECK_EQ(run.contains("failure"), bad);
      if (bad) continue;
      CHECK(run["value"].get<double>() > 0.1);
      CHECK_EQ(run["lengths"].size(), 2);
      CHECK_EQ(run["value"], run["lengths"][1]["value"]);
      CHECK(run["peak_bytes"].get<double>() > 1e6);
      CHECK(run["tokens_per_second"].get<double>() > 0);
    }
    CHECK_EQ(one.contains("inside"), !bad);
    CHECK(one["parameters"].get<double>() > 100);
    CHECK(one["state_bytes"].get<double>() > 16);
  }
  const std::string page = read_file(out + "/report.html");
  CHECK(page.find(escaped_html(results["verdict"].get<std::string>())) != std::string::npos);
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("Content-Security-Policy\" content=\"default-src 'none'") != std::string::npos);
  for (const char* outside : {"src=", "http-equiv=\"refresh", "@import", "url("})
    CHECK(page.find(outside) == std::string::npos);
  const std::string csv = read_file(out + "/results.csv");
  CHECK_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  CHECK(read_file(out + "/results.md").find("| gru |") != std::string::npos);
  // Again: nothing runs, the same comes out.
  const auto again = run_program({"compare", file, "--out", out});
  CHECK_EQ(again.exit_code, 0);
  CHECK(again.out.find("[") == std::string::npos);
  CHECK(results_of(out)["members"][0]["runs"] == results["members"][0]["runs"]);

  // Killed early on, and once more, and gone on with.
  for (const int milliseconds : {150, 400}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(1);
      ::execl(SEQTAPE_PROGRAM, "seqtape", "compare", file.c_str(), "--out", other.c_str(), nullptr);
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  REQUIRE_EQ(run_program({"compare", file, "--out", other, "--jobs", "1"}).exit_code, 0);
  const Json later = results_of(other);
  for (std::size_t m = 0; m < 3; ++m)
    for (std::size_t r = 0; r < 2; ++r)
      for (const char* key : {"finished", "value", "metrics", "lengths"})
        CHECK_EQ(later["members"][m]["runs"][r].value(key, Json()),
                 results["members"][m]["runs"][r].value(key, Json()));
}

TEST_CASE("a look inside: what Mamba's steps, S4D's kernels, the attention and the gradients must be") {
  const TemporaryFolder folder;
  const auto look = [&](const std::string& model, const char* more = "--json") {
    const std::string config = (folder / "c.json").string(), run = (folder / "run").string();
    write_file(config, R"({"task": {"name": "selective_copying", "length": 24, "items": 4, "vocab": 6},
                           "train": {"steps": 3, "batch": 4, "tensorboard": false}, "model": )" +
                           model + "}");
    REQUIRE_EQ(run_program({"train", config, "--out", run, "--force"}).exit_code, 0);
    const auto shown = run_program({"inspect", run, "--example", "--json", more});
    CAPTURE(shown.err);
    REQUIRE_EQ(shown.exit_code, 0);
    CHECK(std::filesystem::exists(folder / "run" / "inside" / "gradient.svg"));
    const Json json = parse_json(shown.out, "inside");
    CHECK_EQ(json["gradient"]["norm"].size(), 24);  // the last step is scored
    CHECK(json["gradient"]["norm"][0].get<double>() > 0);
    return json;
  };
  const Json mamba = look(R"({"name": "mamba", "d_model": 8, "layers": 2})");
  for (const Json& norm : mamba["gradient"]["norm"]) CHECK(norm.get<double>() > 0);
  REQUIRE_EQ(mamba["delta"].size(), 2);
  for (const Json& layer : mamba["delta"]) {
    CHECK_EQ(layer["frequent"], 0);
    // The steps are the first example's, the two means are over all sixteen.
    double mean = 0;
    int frequent = 0;
    for (int t = 0; t < 24; ++t) {
      mean += layer["steps"][t].get<double>() / 24;
      frequent += mamba["tokens"][t] == 0;
      CHECK(layer["steps"][t].get<double>() > 1e-4);  // dt_floor, about
      CHECK(layer["steps"][t].get<double>() < 1);
    }
    CHECK(mean ==
          doctest::Approx(
              (layer["at_frequent"].get<double>() * frequent + layer["at_others"].get<double>() * (24 - frequent)) / 24)
              .epsilon(0.05));
  }
  // A real, slow state forgets little; a fast one, nearly all at once.
  const auto memory = [&](const std::string& dt) {
    const Json json =
        look(R"({"name": "s4d", "d_model": 8, "layers": 1, "d_state": 8, "initialization": "real", "dt_min": )" + dt +
             R"(, "dt_max": )" + dt + "}");
    CHECK_EQ(json["kernel"][0]["size"].size(), 24);
    return json["kernel"][0]["memory"].get<int>();
  };
  CHECK(memory("1e-4") > 20);
  CHECK(memory("5") < 5);
  const Json transformer = look(R"({"name": "transformer", "d_model": 8, "layers": 1, "heads": 2})", "--attention");
  REQUIRE_EQ(transformer["attention"].size(), 2);
  for (const Json& map : transformer["attention"])
    for (std::size_t t = 0; t < 24; ++t) {
      double sum = 0;
      for (std::size_t key = 0; key < 24; ++key) {
        sum += map["rows"][t][key].get<double>();
        if (key > t) CHECK_EQ(map["rows"][t][key], 0);
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-5));
    }
}

TEST_CASE("compare: what cannot be compared is refused") {
  const TemporaryFolder folder;
  const std::string file = (folder / "c.json").string();
  const auto error = [&](std::vector<std::string> more, const std::string& text = kComparison) {
    write_file(folder / "c.json", text);
    more.insert(more.begin(), "compare");
    more.insert(more.end(), {"--out", (folder / "out").string()});
    const auto run = run_program(more);
    CHECK_EQ(run.exit_code, 2);
    CHECK_FALSE(std::filesystem::exists(folder / "out" / "runs"));
    return run.err;
  };
  const auto with = [](const char* key, const Json& value) {
    Json json = parse_json(kComparison, "test");
    json[key] = value;
    return json.dump();
  };
  CHECK(error({}).find("the argument CONFIG is missing") != std::string::npos);
  CHECK(error({file, "--seeds", ""}).find("--seeds: must be whole numbers") != std::string::npos);
  CHECK(error({file}, with("seeds", Json::array())).find("seeds: must name a seed") != std::string::npos);
  CHECK(error({file}, with("models", Json::array())).find("models: must be a list of names or objects") !=
        std::string::npos);
  CHECK(error({file}, with("model", "x")).find("model: unknown key; did you mean \"models\"?") != std::string::npos);
  for (const auto& [key, value] : {std::pair<const char*, Json>{"steps", 1.5},
                                   {"steps", 1e30},
                                   {"tokens", 0},
                                   {"seconds", -1},
                                   {"parameters", "x"},
                                   {"parameters", 2.5}})
    CHECK(error({file}, with("budget", {{key, value}})).find(std::string("budget.") + key + ": must be ") !=
          std::string::npos);
  CHECK(error({file}, with("grid", {{"seed", {1, 2}}})).find("grid.seed: runs over seeds are") != std::string::npos);
  CHECK(error({file, "--set", "seed=9"}).find("--seeds 9 says which") != std::string::npos);
  CHECK(error({file}, with("grid", {{"task.length", {20, 40}}})).find("cannot be ranked") != std::string::npos);
  CHECK(error({file, "--set", "optimizer.lr=0.5"}, with("grid", {{"optimizer.lr", {0.1}}}))
            .find("--set optimizer.lr: the grid has values for it") != std::string::npos);
  Json huge = Json::object();
  for (const char* key : {"a", "b", "c", "d", "e", "f", "g", "h"}) huge[key] = std::vector<int>(100, 1);
  CHECK(error({file}, with("grid", huge)).find(" runs, more than 64") != std::string::npos);
  Json solved = parse_json(kComparison, "test");
  solved["budget"] = {{"parameters", 4000}};
  solved["grid"] = {{"model.d_model", {16, 32}}};
  CHECK(error({file}, solved.dump()).find("model.d_model: is set to 16, and the budget makes it ") !=
        std::string::npos);
  const Json gru = {{"model", {{"name", "gru"}, {"d_model", 8}}}};
  CHECK(error({file}, with("models", {gru, gru})).find("are the same runs; leave one out") != std::string::npos);
  Json a = gru, b = gru;
  a["label"] = "x y", b["label"] = "x-y", b["train"] = {{"steps", 7}};
  CHECK(error({file}, with("models", {a, b})).find("two models have the name \"x-y\"") != std::string::npos);
  CHECK(error({file}, with("grid", {{"optimizer.lr", Json::array({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})}}))
            .find("the comparison has 72 runs, more than 64; --yes goes ahead") != std::string::npos);
  CHECK(error({file}, with("decided_at", 41)).find("decided_at: must be one of lengths, got 41") != std::string::npos);
  CHECK(error({file}, with("budget", {{"steps", 1}, {"tokens", 1}})).find("exclude each other") != std::string::npos);
  CHECK(error({file, "--set", "model.d_stat=3"}).find("gru: model.d_stat: unknown key") != std::string::npos);
  const std::string config =
      R"({"task": {"name": "parity", "length": LENGTH}, "model": {"name": "gru", "d_model": 8, "layers": 1}})";
  for (const char* length : {"8", "9"}) {
    std::string text = config;
    write_file(folder / (std::string("p") + length + ".json"), text.replace(text.find("LENGTH"), 6, length));
  }
  CHECK(error({(folder / "p8.json").string(), (folder / "p9.json").string()}).find("the tasks differ") !=
        std::string::npos);
  // A folder of something else, and one of another comparison.
  std::filesystem::create_directories(folder / "out");
  write_file(folder / "out" / "mine", "");
  CHECK(error({file}).find("exists and is not the folder of a comparison") != std::string::npos);
  const std::string done = (folder / "done").string();
  REQUIRE_EQ(run_program({"compare", file, "--quick", "--out", done}).exit_code, 0);
  const auto differs = run_program({"compare", file, "--quick", "--seeds", "4", "--out", done});
  CHECK_EQ(differs.exit_code, 2);
  CHECK(differs.err.find("is the folder of another comparison") != std::string::npos);
}

TEST_CASE("compare: labels, damage and a diverged model") {
  const TemporaryFolder folder;
  Json json = parse_json(kComparison, "test");
  json["train"]["on_nan"] = "skip";
  json["seeds"] = {0};
  json["models"][1]["label"] = "a|b, \"c\"\nd";
  const std::string file = (folder / "c.json").string(), out = (folder / "out").string();
  write_file(file, json.dump());
  const auto run = run_program({"compare", file, "--out", out});
  CAPTURE(run.err);
  REQUIRE_EQ(run.exit_code, 0);
  const Json results = results_of(out);
  CHECK_EQ(results["members"][1]["failed"], 1);
  CHECK(results["members"][1]["median"].is_null());
  CHECK(results["members"][1]["runs"][0]["failure"].get<std::string>().rfind("it diverged: accuracy is nan", 0) == 0);
  CHECK(results["verdict"].get<std::string>().find("failed in 1 of 1 runs.") != std::string::npos);
  CHECK(read_file(out + "/results.csv").find("\n\"a|b, \"\"c\"\"\nd\",0,true,accuracy,nan,") != std::string::npos);
  CHECK(read_file(out + "/results.md").find("| a\\|b, \"c\" d | - | 1/1 |") != std::string::npos);
  // The same command while another works there, and with a damaged plan.
  const Json whole = parse_json(read_file(out + "/comparison.json"), "plan");
  for (const char* pointer :
       {"/plan", "/plan/members", "/plan/members/0", "/plan/members/0/config", "/plan/members/0/config/model"})
    for (const Json& wrong : {Json(), Json(3), Json::array(), Json::object(), Json("x")}) {
      Json damaged = whole;
      damaged[Json::json_pointer(pointer)] = wrong;
      write_file(out + "/comparison.json", damaged.dump());
      const auto refused = run_program({"compare", file, "--out", out});
      CAPTURE(refused.err);
      CHECK_EQ(refused.exit_code, 1);
      CHECK(refused.err.find("comparison.json: is damaged") != std::string::npos);
    }
}

TEST_CASE("compare: what was measured and then damaged takes the report of no other run; --json prints one document") {
  const TemporaryFolder folder;
  Json json = parse_json(kComparison, "test");
  json["models"].erase(1);
  json["lengths"] = {12, 40};
  const std::string file = (folder / "c.json").string(), out = (folder / "out").string();
  write_file(file, json.dump());
  const auto first = run_program({"compare", file, "--out", out, "--json"});
  REQUIRE_EQ(first.exit_code, 0);
  const Json whole = Json::parse(first.out);
  CHECK_EQ(whole["members"].size(), 2);
  // A seed that is NaN at one length is told, and moves no median.
  const std::string measured = out + "/measured/gru-seed1.json", model = out + "/measured/model/gru.json";
  const Json good = parse_json(read_file(measured), "measured");
  Json nan = good;
  nan["lengths"][0]["accuracy"] = "nan";
  write_file(measured, nan.dump());
  CHECK_EQ(run_program({"compare", file, "--out", out}).exit_code, 0);
  CHECK(read_file(out + "/results.md").find("(1 diverged)") != std::string::npos);
  for (const Json& damage : {Json::array({Json::object()}), Json::array(), Json::array({3})}) {
    Json bad = good;
    bad["lengths"] = damage;
    write_file(measured, bad.dump());
    write_file(model, "{}");
    CHECK_EQ(run_program({"compare", file, "--out", out}).exit_code, 0);
    CHECK_EQ(results_of(out)["members"][0]["runs"], whole["members"][0]["runs"]);
  }
  // Metrics that lost their last line, and a run that is gone.
  const std::string metrics = out + "/runs/gru-seed1/metrics.jsonl", lines = read_file(metrics);
  write_file(metrics, lines.substr(0, lines.size() - 30));
  CHECK_EQ(run_program({"compare", file, "--out", out}).exit_code, 0);
  CHECK_EQ(results_of(out)["members"][0]["failed"], 1);
  CHECK_EQ(results_of(out)["members"][1]["failed"], 0);
  std::filesystem::remove_all(out + "/runs/gru-seed1");
  CHECK_EQ(run_program({"compare", file, "--out", out}).exit_code, 0);
  CHECK_EQ(results_of(out)["members"][0]["failed"], 1);
}

TEST_CASE("compare: a failure of the machine is tried again, one of the model is kept") {
  const TemporaryFolder folder;
  const std::string file = (folder / "c.json").string(), out = (folder / "out").string();
  write_file(file, kComparison);
  // A file size limit stands in for a full disk.
  const auto full =
      testing::seqtape(" compare '" + file + "' --quick --out '" + out + "'", "trap '' XFSZ; ulimit -f 24; ");
  CHECK(full.out.find("FAILED: ") != std::string::npos);
  const auto again = run_program({"compare", file, "--quick", "--out", out});
  CHECK_EQ(again.exit_code, 0);
  const Json results = results_of(out);
  for (const Json& one : results["members"]) CHECK_EQ(one["failed"], one["label"] == "a rate too high" ? 1 : 0);
  CHECK(again.out.find("a-rate-too-high") == std::string::npos);
}

TEST_CASE("compare: equal parameters and equal tokens") {
  const TemporaryFolder folder;
  Json json = parse_json(kComparison, "test");
  json["models"] = {{{"model", {{"name", "gru"}, {"layers", 1}}}},
                    {{"model", {{"name", "lstm"}, {"layers", 2}}}, {"train", {{"batch", 4}}}}};
  json["budget"] = {{"parameters", 20000}, {"tokens", 3200}};
  write_file(folder / "c.json", json.dump());
  const Plan plan = Plan::load({folder / "c.json"}, {});
  REQUIRE_EQ(plan.members.size(), 2);
  CHECK_EQ(plan.members[0].config["train"]["steps"], 20);  // of 8 * 20 tokens
  CHECK_EQ(plan.members[1].config["train"]["steps"], 40);
  CHECK(plan.members[0].config["model"]["d_model"] > plan.members[1].config["model"]["d_model"]);
  REQUIRE_EQ(run_program({"compare", (folder / "c.json").string(), "--out", (folder / "o").string()}).exit_code, 0);
  const Json results = results_of(folder / "o");
  for (const Json& one : results["members"])
    CHECK(one["parameters"].get<double>() == doctest::Approx(20000).epsilon(0.15));
}
