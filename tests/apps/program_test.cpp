// The program from outside: exit codes, exact messages, and what is on disk afterwards.
#include "tests/support/program.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::Outcome;
using testing::TemporaryFolder;

namespace {

constexpr const char* kConfig = R"({
  "task": {"name": "induction_heads", "vocab": 8, "length": 24, "eval_sequences": 32},
  "model": {"name": "mamba", "d_model": 16, "layers": 1, "d_state": 4},
  "train": {"steps": 20, "batch": 4, "eval_every": 10, "checkpoint_every": 5}
})";

struct Workplace {
  TemporaryFolder folder;
  std::string config = (folder / "c.json").string(), run = (folder / "run").string();
  Workplace() { write_file(config, kConfig); }
  Outcome train(const std::string& more = "", const std::string& before = "") const {
    return testing::seqtape("train " + config + " --out " + run + " " + more, before);
  }
};

void refused(const Outcome& outcome, int exit_code, const std::string& message) {
  CHECK_EQ(outcome.exit_code, exit_code);
  CHECK_EQ(outcome.err, "error: " + message + "\n");
}

std::vector<Json> metrics(const std::string& run) {
  std::vector<Json> lines;
  std::ifstream in(run + "/metrics.jsonl");
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::string model_bytes(const std::string& run, const std::string& step) {
  return read_file(run + "/checkpoints/" + step + "/model.safetensors");
}

}  // namespace

TEST_CASE("wrong usage and wrong configs exit with 2 and say what would do") {
  const Workplace w;
  refused(testing::seqtape("trian"), 2, "unknown command \"trian\"; did you mean \"train\"?");
  refused(testing::seqtape("train"), 2, "the argument config is missing; see --help");
  refused(testing::seqtape("train /no/such.json"), 2, "/no/such.json: cannot be opened: No such file or directory");
  refused(w.train("--set model.d_stat=4"), 2, "model.d_stat: unknown key; did you mean \"d_state\"?");
  refused(w.train("--set train.batch=-4"), 2, "train.batch: must be > 0, got -4");
  refused(w.train("--set model.name=mmba"), 2, "model.name: unknown name \"mmba\"; did you mean \"mamba\"?");
  refused(w.train("--set model.layers=true"), 2, "model.layers: must be a whole number, got true");
  refused(w.train("--set optimizer.lr=1e400"), 2, "optimizer.lr: must be a number, got \"1e400\"");
  refused(w.train("--threads 0"), 2, "--threads: must be > 0, got 0");
  CHECK_FALSE(std::filesystem::exists(w.run));
  const Outcome flag = w.train("--resum");
  CHECK_EQ(flag.exit_code, 2);
  CHECK(flag.err.find("see seqtape train --help") != std::string::npos);
}

TEST_CASE("sizes that cannot fit are refused before anything is allocated") {
  const Workplace w;
  const Outcome wide = w.train("--set model.d_model=1000000");
  CHECK_EQ(wide.exit_code, 2);
  CHECK(wide.err.find("error: model: training needs at least 91.0 TiB for ") == 0);
  CHECK(wide.err.find("lower model.d_model or model.layers") != std::string::npos);
  const Outcome batch = w.train("--set train.batch=100000000");
  CHECK_EQ(batch.exit_code, 2);
  CHECK(batch.err.find("error: train.batch: a step needs at least 858.3 GiB, this machine has ") == 0);
  CHECK_FALSE(std::filesystem::exists(w.run));
}

TEST_CASE("bad data files") {
  const Workplace w;
  write_file(w.folder / "empty.txt", "");
  write_file(w.folder / "small.txt", std::string(100, 'x'));
  const auto text = [&](const std::string& path) {
    return w.train("--set task='{\"name\": \"text\", \"path\": \"" + path + "\", \"length\": 16}'");
  };
  refused(text("missing.txt"), 1, "task.path: " + (w.folder / "missing.txt").string() + " does not exist");
  refused(text("empty.txt"), 1,
          "task.path: " + (w.folder / "empty.txt").string() + ": no bytes to read; the files are empty");
  refused(text("small.txt"), 1,
          "task.length: the validation split has 5 bytes, a window needs 17; lower task.length, or change "
          "task.train_fraction (0.95)");
  CHECK_FALSE(std::filesystem::exists(w.run));
}

TEST_CASE("a run trains, is never overwritten, and what it leaves can be used") {
  const Workplace w;
  const Outcome first = w.train();
  REQUIRE_EQ(first.exit_code, 0);
  CHECK(first.out.find("step     20  validation  loss ") != std::string::npos);
  CHECK(first.out.find('\r') == std::string::npos);  // no live line in a pipe
  refused(w.train(), 2, w.run + ": already exists; --resume continues it, --force replaces it, --out chooses another");
  const Outcome again = w.train("--resume");
  CHECK_EQ(again.exit_code, 0);
  CHECK(again.out.find("already finished: 20 of 20 steps") != std::string::npos);
  CHECK_EQ(w.train("--force").exit_code, 0);

  const Outcome eval = testing::seqtape("eval " + w.run + " --json --set task.length=100");
  REQUIRE_EQ(eval.exit_code, 0);
  const Json json = Json::parse(eval.out);
  CHECK_EQ(json["length"], 100);
  CHECK(json["loss"].get<double>() > 0.5);
  CHECK_EQ(testing::seqtape("inspect " + w.run).exit_code, 0);
  CHECK_EQ(testing::seqtape("inspect " + w.run + "/checkpoints/step-00000020").exit_code, 0);
  refused(testing::seqtape("generate " + w.run + " --prompt x"), 2,
          "task: its tokens are not text; only text tasks can read a prompt");
  refused(testing::seqtape("eval " + w.folder.path().string()), 2,
          w.folder.path().string() + ": is neither a run folder nor a checkpoint of one");
  Index train_lines = 0;
  for (const Json& line : metrics(w.run)) train_lines += line["split"] == "train";
  CHECK_EQ(train_lines, 20);
}

TEST_CASE("a resumed run ends with the same bits as one that never stopped") {
  const Workplace straight, stopped;
  REQUIRE_EQ(straight.train().exit_code, 0);
  REQUIRE_EQ(stopped.train("--set train.steps=20").exit_code, 0);
  // As if killed behind step 15: the later checkpoint is gone, the metrics run ahead, a save was under way.
  std::filesystem::remove_all(stopped.run + "/checkpoints/step-00000020");
  std::filesystem::create_directory(stopped.run + "/checkpoints/step-00000020.unfinished");
  write_file(stopped.run + "/checkpoints/index.json", R"({"last": "step-00000015"})");
  const Outcome resumed = stopped.train("--resume");
  REQUIRE_EQ(resumed.exit_code, 0);
  CHECK(resumed.out.find("resumed at step 15") != std::string::npos);
  CHECK(model_bytes(straight.run, "step-00000020") == model_bytes(stopped.run, "step-00000020"));
  CHECK_FALSE(std::filesystem::exists(stopped.run + "/checkpoints/step-00000020.unfinished"));
  const auto a = metrics(straight.run), b = metrics(stopped.run);
  REQUIRE_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (const char* key : {"step", "split", "loss", "lr", "grad_norm", "accuracy"})
      CHECK_EQ(a[i].value(key, Json()), b[i].value(key, Json()));
  refused(stopped.train("--resume --set model.d_state=8"), 2,
          stopped.run +
              ": --resume needs the config that the run was started with; different:\n  model.d_state: saved 4, now 8");
}

TEST_CASE("--resume without a checkpoint starts from the beginning") {
  const Workplace w;
  CHECK_EQ(w.train("--resume").exit_code, 0);
  CHECK(std::filesystem::exists(w.run + "/checkpoints/step-00000020"));
}

TEST_CASE("without an index the newest checkpoint counts, and what a resumed run replaces is dropped") {
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  std::filesystem::remove(w.run + "/checkpoints/index.json");
  const Outcome again = w.train("--resume");
  CHECK(again.out.find("already finished: 20 of 20 steps") != std::string::npos);
  write_file(w.run + "/checkpoints/index.json", R"({"last": "step-00000015"})");
  CHECK_EQ(w.train("--resume --set train.steps=16 --set train.keep_last=1").exit_code, 0);
  CHECK_FALSE(std::filesystem::exists(w.run + "/checkpoints/step-00000020"));
  CHECK(std::filesystem::exists(w.run + "/checkpoints/step-00000016"));
}

TEST_CASE("only a run is gone on with or replaced") {
  const Workplace w;
  std::filesystem::create_directory(w.run);
  write_file(w.run + "/notes.tmp", "mine");
  for (const char* flag : {"--force", "--resume"})
    refused(w.train(flag), 2, w.run + ": exists and is not a run folder; --out chooses another");
  CHECK_EQ(read_file(w.run + "/notes.tmp"), "mine");
  refused(testing::seqtape("train " + w.config + " --out ''"), 2, "--out: must name a folder, got \"\"");
}

TEST_CASE("a model that reads later steps gets whole sequences, and no next-token task") {
  const Workplace w;
  const std::string model =
      "--set model='{\"name\": \"s4\", \"bidirectional\": true, \"d_model\": 8, \"layers\": 1, \"d_state\": 4}' ";
  CHECK_EQ(w.train(model + "--set task.length=300 --set train.batch=32 --set train.steps=2").exit_code, 0);
  write_file(w.folder / "t.txt", std::string(4000, 'x'));
  refused(
      w.train(model + "--force --set task='{\"name\": \"text\", \"path\": \"t.txt\", \"length\": 16}'"), 2,
      "model: it reads later steps, and so the answers of a task that asks for the next token; set model.causal true, "
      "or model.bidirectional false");
}

TEST_CASE("a damaged or foreign checkpoint is refused") {
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string folder = w.run + "/checkpoints/step-00000020";
  const std::string good = read_file(folder + "/model.safetensors");
  for (const std::size_t at : {std::size_t{3}, good.size() / 2, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    write_file(folder + "/model.safetensors", bad);
    refused(testing::seqtape("eval " + w.run), 1,
            folder +
                ": model.safetensors is damaged: its checksum differs; name another checkpoint of the run, or remove "
                "this one");
  }
  write_file(folder + "/model.safetensors", good);
  const std::string state = read_file(folder + "/state.json");
  std::string changed = state;
  changed.replace(changed.find("\"step\": 20"), 10, "\"step\": 21");
  write_file(folder + "/state.json", changed);
  refused(
      testing::seqtape("eval " + w.run), 1,
      folder + ": state.json is damaged: its checksum differs; name another checkpoint of the run, or remove this one");
  write_file(folder + "/state.json", state);
  CHECK_EQ(testing::seqtape("eval " + w.run).exit_code, 0);
  // A whole checkpoint of another model.
  const Outcome foreign = testing::seqtape("eval " + w.run + " --set model.d_state=8");
  CHECK_EQ(foreign.exit_code, 1);
  CHECK(foreign.err.find("its tensors do not fit the model:\n  wrong shape: blocks.0.mixer.x_proj.weight must be [17, "
                         "32], is [9, 32]\n") != std::string::npos);
}

TEST_CASE("when a save fails, the checkpoint before survives and the run says so") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=5").exit_code, 0);
  const std::string before = model_bytes(w.run, "step-00000005");
  // A file size limit stands in for a full disk: the write fails in the middle.
  const Outcome full = w.train("--resume --set train.steps=20", "trap '' XFSZ; ulimit -f 4; ");
  CHECK_EQ(full.exit_code, 1);
  CHECK(full.err.find("model.safetensors: cannot be written: File too large") != std::string::npos);
  CHECK(model_bytes(w.run, "step-00000005") == before);
  CHECK_EQ(testing::seqtape("eval " + w.run).exit_code, 0);
  for (const auto& entry : std::filesystem::directory_iterator(w.run + "/checkpoints"))
    CHECK(entry.path().extension() != ".unfinished");
  CHECK_EQ(w.train("--resume --set train.steps=20").exit_code, 0);
}

TEST_CASE("a NaN stops the run, is named, and never reaches a checkpoint") {
  const Workplace w;
  const Outcome outcome = w.train("--set optimizer.lr=1e30 --set optimizer.clip_norm=0 --set train.checkpoint_every=1");
  CHECK_EQ(outcome.exit_code, 1);
  CHECK(outcome.err.find("loss is ") != std::string::npos);
  CHECK(outcome.err.find("first seen in op ") != std::string::npos);
  CHECK(outcome.err.find("The last good checkpoint is " + w.run + "/checkpoints/step-") != std::string::npos);
  const std::string last = Json::parse(read_file(w.run + "/checkpoints/index.json"))["last"];
  const SafetensorsFile file(w.run + "/checkpoints/" + last + "/model.safetensors");
  for (const auto& [name, entry] : file.entries())
    for (const double value : file.doubles(name)) REQUIRE(std::isfinite(value));
}

TEST_CASE("a signal saves, says how to go on, and exits with 128 + its number") {
  const Workplace w;
  for (const auto& [signal, code] : {std::pair{"INT", 130}, {"TERM", 143}}) {
    const std::string out = (w.folder / "log").string();
    const int status =
        std::system(("bash -c \"" + std::string("exec 2>&1; '") + SEQTAPE_PROGRAM + "' train " + w.config + " --out " +
                     w.run + " --force --set train.steps=1000000 --set train.eval_every=1000000 > '" + out +
                     "' & pid=\\$!; sleep 1; kill -" + signal + " \\$pid; wait \\$pid\"")
                        .c_str());
    CHECK_EQ(WEXITSTATUS(status), code);
    CHECK(read_file(out).find("and saved; --resume goes on") != std::string::npos);
    CHECK(std::filesystem::exists(w.run + "/checkpoints/index.json"));
  }
}

TEST_CASE("every config that needs no data trains as it stands") {
  // All configs take a step on made-up data in coverage_test.
  for (const auto& entry : std::filesystem::directory_iterator(SEQTAPE_SOURCE_DIR "/configs/induction_heads")) {
    CAPTURE(entry.path().string());
    const TemporaryFolder folder;
    const Outcome outcome = testing::seqtape("train " + entry.path().string() + " --out " + (folder / "run").string() +
                                             " --set train.steps=1 --set train.batch=2 --set task.eval_sequences=4");
    CHECK_EQ(outcome.err, "");
    CHECK_EQ(outcome.exit_code, 0);
  }
}

TEST_CASE("help, schema, list and show") {
  CHECK_EQ(testing::seqtape("--help").exit_code, 0);
  for (const char* command : {"train", "eval", "generate", "list", "inspect", "show", "check", "schema", "bench"}) {
    const Outcome help = testing::seqtape(std::string(command) + " --help");
    CHECK_EQ(help.exit_code, 0);
    CHECK(help.out.find("Example:\n  seqtape " + std::string(command)) != std::string::npos);
  }
  const Json schema = Json::parse(testing::seqtape("schema").out);
  CHECK_EQ(schema["required"], Json::array({"task", "model"}));
  CHECK(testing::seqtape("list tasks").out.find("induction_heads: ") != std::string::npos);
  const Workplace w;
  CHECK(testing::seqtape("show " + w.config).out.find("target · · ·") != std::string::npos);
}
