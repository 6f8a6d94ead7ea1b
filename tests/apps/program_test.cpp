// The program from outside: exit codes, exact messages, and what is on disk afterwards.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/io/file.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::refused;
using testing::TemporaryFolder;
using testing::Workplace;

TEST_CASE("wrong usage and wrong configs exit with 2 and say what would do") {
  const Workplace w;
  refused(testing::seqtape("trian"), 2, "unknown command \"trian\"; did you mean \"train\"?");
  refused(testing::seqtape("train"), 2, "the argument config is missing; see --help");
  refused(testing::seqtape("train /no/such.json"), 2, "/no/such.json: cannot be opened: No such file or directory");
  refused(testing::seqtape("list MAMBA"), 2, "list: unknown name \"MAMBA\"; did you mean \"mamba\"?");
  refused(w.train("--set model.d_stat=4"), 2, "model.d_stat: unknown key; did you mean \"d_state\"?");
  refused(w.train("--set train.batch=-4"), 2, "train.batch: must be > 0, got -4");
  refused(w.train("--set model.name=mmba"), 2, "model.name: unknown name \"mmba\"; did you mean \"mamba\"?");
  refused(w.train("--set model.layers=true"), 2, "model.layers: must be a whole number, got true");
  refused(w.train("--set model='{\"name\": \"gated_deltanet\", \"d_model\": 16, \"heads\": 3}'"), 2,
          "model.heads: with d_model 16 and 3 heads, a head would have 5.33333 channels; choose other heads, or give "
          "key_dim");
  refused(w.train("--set model='{\"name\": \"gated_deltanet\", \"householder\": 0}'"), 2,
          "model.householder: must be > 0, got 0");
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
  for (const Json& line : w.metrics()) train_lines += line["split"] == "train";
  CHECK_EQ(train_lines, 20);
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
  for (const char* command :
       {"train", "eval", "generate", "list", "inspect", "show", "check", "schema", "bench", "new"}) {
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
