// Runs that are stopped, resumed, disturbed: what is on disk afterwards.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/io/file.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "core/random.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::refused;
using testing::TemporaryFolder;
using testing::Workplace;

TEST_CASE("a resumed run ends with the same bits as one that never stopped") {
  const Workplace straight, stopped;
  REQUIRE_EQ(straight.train().exit_code, 0);
  REQUIRE_EQ(stopped.train("--set train.steps=20").exit_code, 0);
  // As if killed after step 15: the later checkpoint is gone, the metrics run ahead, a save was under way.
  std::filesystem::remove_all(stopped.run + "/checkpoints/step-00000020");
  std::filesystem::create_directory(stopped.run + "/checkpoints/step-00000020.unfinished");
  write_file(stopped.run + "/checkpoints/index.json", R"({"last": "step-00000015"})");
  const Outcome resumed = stopped.train("--resume");
  REQUIRE_EQ(resumed.exit_code, 0);
  CHECK(resumed.out.find("resumed at step 15") != std::string::npos);
  CHECK(straight.bytes("step-00000020") == stopped.bytes("step-00000020"));
  CHECK_FALSE(std::filesystem::exists(stopped.run + "/checkpoints/step-00000020.unfinished"));
  const auto a = straight.metrics(), b = stopped.metrics();
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

TEST_CASE("the checkpoints on disk decide, whatever the index says") {
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string index = w.run + "/checkpoints/index.json";
  for (const char* said : {"", "{", R"({"last": "step-00000005", "best": 3})", R"({"last": "gone"})", "[]"}) {
    write_file(index, said);
    if (!*said) std::filesystem::remove(index);
    CHECK(w.train("--resume").out.find("already finished: 20 of 20 steps") != std::string::npos);
    CHECK_EQ(testing::seqtape("eval " + w.run + " --best").exit_code, 0);
  }
  // A damaged one is refused, and once removed, as the message advises, it is not asked for.
  write_file(w.run + "/checkpoints/step-00000020/model.safetensors", "damaged");
  CHECK_EQ(w.train("--resume").exit_code, 1);
  std::filesystem::remove_all(w.run + "/checkpoints/step-00000020");
  CHECK_EQ(testing::seqtape("eval " + w.run).exit_code, 0);
  CHECK(w.train("--resume").out.find("resumed at step 15") != std::string::npos);
  // Half of one is none.
  std::filesystem::remove(w.run + "/checkpoints/step-00000020/optimizer.safetensors");
  CHECK(w.train("--resume").out.find("resumed at step 15") != std::string::npos);
}

TEST_CASE("an earlier checkpoint: its future is dropped, nothing names it, and the run goes on from there") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.keep_last=9").exit_code, 0);
  REQUIRE_EQ(w.train("--resume --checkpoint step-00000010 --set train.steps=10 --set train.keep_last=9").exit_code, 0);
  CHECK_FALSE(std::filesystem::exists(w.run + "/checkpoints/step-00000015"));
  CHECK_EQ(Json::parse(read_file(w.run + "/checkpoints/index.json"))["last"], "step-00000010");
  for (const Json& line : w.metrics()) CHECK_LE(line["step"].get<int>(), 10);
  for (const char* command : {"eval ", "eval --best ", "runs ", "inspect "})
    CHECK_EQ(testing::seqtape(command + w.run).exit_code, 0);
  CHECK(w.train("--resume").out.find("resumed at step 10") != std::string::npos);
}

TEST_CASE("a checkpoint whose successor of the same step was not renamed in time is found and replaced") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.keep_last=1").exit_code, 0);
  const std::string place = w.run + "/checkpoints/step-00000020";
  const std::string bits = w.bytes("step-00000020");
  for (const auto& entry : std::filesystem::directory_iterator(w.run + "/checkpoints"))
    if (entry.is_directory() && entry.path() != place) std::filesystem::remove_all(entry.path());
  std::filesystem::rename(place, place + ".replaced");  // as a kill between the two renames leaves it
  std::filesystem::copy(place + ".replaced", place + ".unfinished");
  CHECK_EQ(testing::seqtape("eval " + w.run).exit_code, 0);
  CHECK(w.train("--resume --set train.steps=25").out.find("resumed at step 20") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(place + ".unfinished"));
  CHECK(bits.size() > 100);
}

TEST_CASE("--force: nothing of the old run stays, and one that was killed is the old run or the start of the new") {
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  write_file(w.run + "/tensorboard/events.out.tfevents.0000000001.h.1", "old");
  // As killed before the new config was in place: the old run.
  write_file(w.run + "/replacement.json.tmp", "{");
  CHECK(w.train("--resume").out.find("already finished: 20 of 20 steps") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(w.run + "/replacement.json.tmp"));
  // As killed after it: the start of the new one, which --resume goes on with.
  Json config = Json::parse(read_file(w.run + "/config.json"));
  config["seed"] = 5;
  write_file(w.run + "/replacement.json", config.dump());
  refused(testing::seqtape("eval " + w.run), 2, w.run + ": the run has no checkpoint yet");
  CHECK_EQ(w.train("--resume").exit_code, 2);  // with the old seed
  const Outcome on = w.train("--resume --set seed=5");
  REQUIRE_EQ(on.exit_code, 0);
  CHECK(on.out.find("resumed") == std::string::npos);
  CHECK_FALSE(std::filesystem::exists(w.run + "/replacement.json"));
  CHECK_FALSE(std::filesystem::exists(w.run + "/tensorboard/events.out.tfevents.0000000001.h.1"));
  CHECK_EQ(Json::parse(read_file(w.run + "/config.json"))["seed"], 5);
  CHECK_EQ(w.metrics().back()["step"], 20);
}

TEST_CASE("metrics that cannot be read are an error, and stay as they are") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=5").exit_code, 0);
  std::filesystem::remove(w.run + "/metrics.jsonl");
  std::filesystem::create_directory(w.run + "/metrics.jsonl");
  CHECK_EQ(w.train("--resume --set train.steps=10").exit_code, 1);
  CHECK(std::filesystem::is_directory(w.run + "/metrics.jsonl"));
}

TEST_CASE("what may change on resume, and a run of an earlier program") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=5").exit_code, 0);
  // Keys that came later are missing from an older run's config: they have their defaults.
  Json config = Json::parse(read_file(w.run + "/config.json"));
  config["train"].erase("statistics");
  config["model"].erase("norm_eps");
  config["optimizer"].erase("groups");
  write_file(w.run + "/config.json", config.dump());
  CHECK_EQ(w.train("--resume --set train.steps=10 --set train.on_nan=skip").exit_code, 0);
  refused(w.train("--resume --set model.norm_eps=1e-3"), 2,
          w.run +
              ": --resume needs the config that the run was started with; different:\n  model.norm_eps: saved 1e-05, "
              "now 0.001");
}

TEST_CASE("a run of an earlier program can be opened and gone on with") {
  // Made by commit 5cc69df: seqtape train tests/runs/5cc69df.json --set train.steps=4
  const TemporaryFolder folder;
  const std::string source = SEQTAPE_SOURCE_DIR "/tests/runs/5cc69df", run = (folder / "run").string();
  std::filesystem::copy(source, run, std::filesystem::copy_options::recursive);
  for (const char* command : {"eval ", "eval --best ", "inspect ", "runs "})
    CHECK_EQ(testing::seqtape(command + run).exit_code, 0);
  CHECK_EQ(testing::seqtape("export " + run + " --format onnx --out " + (folder / "onnx").string()).exit_code, 0);
  const Outcome on = testing::seqtape("train " + source + ".json --out " + run + " --resume");
  CAPTURE(on.err);
  REQUIRE_EQ(on.exit_code, 0);
  CHECK(on.out.find("resumed at step 4") != std::string::npos);
  CHECK(on.err.find("whose dropout masks were drawn in another way") != std::string::npos);
  std::ifstream lines(run + "/metrics.jsonl");
  std::vector<int> steps;
  for (std::string line; std::getline(lines, line);)
    if (const Json json = Json::parse(line); json["split"] == "train") {
      steps.push_back(json["step"]);
      CHECK_FALSE(json.contains("tokens"));  // that program did not count them
    }
  CHECK_EQ(steps, std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK_EQ(testing::seqtape("train " + source + ".json --out " + run + " --resume --set model.dropout=0.2").exit_code,
           2);
}

TEST_CASE("metrics count the tokens trained on, also across a resume") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=10").exit_code, 0);
  REQUIRE_EQ(w.train("--resume").exit_code, 0);
  const Json config = Json::parse(read_file(w.run + "/config.json"));
  const Index a_step = config["train"]["batch"].get<Index>() * config["task"]["length"].get<Index>();
  std::ifstream lines(w.run + "/metrics.jsonl");
  int seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) {
    const Json json = Json::parse(line);
    CAPTURE(line);
    REQUIRE(json.contains("tokens"));
    CHECK_EQ(json["tokens"], json["step"].get<Index>() * a_step);
  }
  CHECK_GE(seen, 10);
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
  const std::string before = w.bytes("step-00000005");
  // A file size limit stands in for a full disk: the write fails in the middle.
  const Outcome full = w.train("--resume --set train.steps=20", "trap '' XFSZ; ulimit -f 4; ");
  CHECK_EQ(full.exit_code, 1);
  CHECK(full.err.find("model.safetensors: cannot be written: File too large") != std::string::npos);
  CHECK(w.bytes("step-00000005") == before);
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

TEST_CASE(
    "every mixer resumes with the same bits, with each state that a trainer keeps, on another number of threads") {
  const std::vector<std::string> mixers = testing::names_of("model");
  REQUIRE(mixers.size() >= 11);
  struct Variant {
    std::string section, key;
    Json value;
  };
  std::vector<Variant> variants{
      {"task", "carry", true}, {"train", "ema", 0.9}, {"train", "micro_batch", 2}, {"model", "dropout", 0.1}};
  for (const std::string section : {"schedule", "optimizer"})
    for (const std::string& name : testing::names_of(section)) variants.push_back({section, "name", name});
  REQUIRE(variants.size() >= 13);
  std::string text;
  Random random(7, "resume_test");
  for (int i = 0; i < 1500; ++i) text += static_cast<char>('a' + random.below(26));
  std::vector<std::string> cannot_carry;
  for (const std::string& mixer : mixers)
    for (const auto& [section, key, value] : variants) {
      CAPTURE(mixer);
      CAPTURE(section + "." + key);
      CAPTURE(value);
      Json config = {{"task", {{"name", "text"}, {"path", "t.txt"}, {"length", 16}, {"train_fraction", 0.9}}},
                     {"model", {{"name", mixer}, {"d_model", 16}, {"layers", 2}}},
                     {"optimizer", {{"name", "adamw"}, {"lr", 0.01}}},
                     {"schedule", {{"name", "cosine"}}},
                     {"train",
                      {{"steps", 12},
                       {"batch", 5},
                       {"eval_every", 4},
                       {"log_every", 4},
                       {"checkpoint_every", 3},
                       {"keep_last", 9}}}};
      config[section][key] = value;
      const Workplace w(config.dump());
      write_file(w.folder / "t.txt", text);
      const Outcome straight = w.train("--threads 1");
      if (key == "carry" && straight.err.find("the state of this model grows with every step") != std::string::npos) {
        cannot_carry.push_back(mixer);
        continue;
      }
      REQUIRE_EQ(straight.err, "");
      REQUIRE_EQ(straight.exit_code, 0);
      const std::string last = testing::step_name(12), from = testing::step_name(3 * (1 + random.below(3)));
      const std::string model = w.bytes(last), moments = w.bytes(last, "optimizer.safetensors");
      const auto before = w.metrics();
      CAPTURE(from);
      const Outcome resumed = w.train("--resume --threads 2 --checkpoint " + from);
      REQUIRE_EQ(resumed.err, "");
      REQUIRE_EQ(resumed.exit_code, 0);
      CHECK(w.bytes(last) == model);
      CHECK(w.bytes(last, "optimizer.safetensors") == moments);
      const auto after = w.metrics();
      REQUIRE_EQ(before.size(), after.size());
      for (std::size_t k = 0; k < before.size(); ++k)
        for (const char* name : {"step", "split", "loss", "lr", "grad_norm", "accuracy"})
          CHECK_EQ(before[k].value(name, Json()), after[k].value(name, Json()));
    }
  CHECK(cannot_carry.size() < mixers.size() / 2);
}

TEST_CASE("a signal in an evaluation that is owed stops again, and the evaluation is still made up for") {
  const Workplace w;
  const std::string script = "run() { exec '" SEQTAPE_PROGRAM "' train " + w.config + " --out " + w.run +
                             " --resume --threads 1 --set train.steps=4 --set train.eval_every=2 --set "
                             "train.checkpoint_every=2 --set train.log_every=1 \"$@\"; }\n"
                             "log=" +
                             (w.folder / "log").string() + R"(
run --set task.eval_sequences=3000000 > $log & pid=$!
for i in $(seq 200); do grep -q 'step *2 ' $log && break; sleep 0.05; done; sleep 0.2
kill -TERM $pid; wait $pid; echo $?
run --set task.eval_sequences=3000000 > $log & pid=$!
for i in $(seq 200); do grep -q 'resumed at' $log && break; sleep 0.05; done; sleep 0.2
kill -TERM $pid; wait $pid; echo $?
(run) > $log; echo $?
)";
  write_file(w.folder / "script", script);
  const std::string codes = (w.folder / "codes").string();
  REQUIRE_EQ(std::system(("bash " + (w.folder / "script").string() + " > " + codes + " 2>/dev/null").c_str()), 0);
  CHECK_EQ(read_file(codes), "143\n143\n0\n");
  std::vector<int> evaluated;
  for (const Json& line : w.metrics())
    if (line["split"] == "validation") evaluated.push_back(line["step"]);
  CHECK_EQ(evaluated, std::vector<int>{2, 4});
}

TEST_CASE("killed at random moments") {
  CHECK_EQ(std::system(SEQTAPE_SOURCE_DIR "/tests/apps/kill_test.sh '" SEQTAPE_PROGRAM "' 8 > /dev/null"), 0);
}

TEST_CASE("a second process stays out of a folder in use") {
  const Workplace w;
  // The first one waits in its long run while the second comes.
  const int status =
      std::system(("bash -c \"'" SEQTAPE_PROGRAM "' train " + w.config + " --out " + w.run +
                   " --set train.steps=1000000 --set train.eval_every=1000000 > /dev/null & pid=\\$!; "
                   "for i in \\$(seq 100); do sleep 0.1; [ -s " +
                   w.run +
                   "/metrics.jsonl ] && break; "
                   "[ -e " +
                   w.run + "/metrics.jsonl ] && sleep 0.5 && break; done; '" SEQTAPE_PROGRAM "' train " + w.config +
                   " --out " + w.run + " --resume --set train.steps=1000000 --set train.eval_every=1000000 2> " +
                   (w.folder / "second").string() + "; code=\\$?; '" SEQTAPE_PROGRAM "' runs " + w.run + " > " +
                   (w.folder / "runs").string() + "; kill \\$pid; wait \\$pid; exit \\$code\"")
                      .c_str());
  CHECK_EQ(WEXITSTATUS(status), 2);
  CHECK_EQ(read_file(w.folder / "second"),
           "error: " + w.run + ": another process is working in this folder; wait for it, or choose another --out\n");
  CHECK(read_file(w.folder / "runs").find("  running ") != std::string::npos);
  CHECK(testing::seqtape("runs " + w.run).out.find("  stopped ") != std::string::npos);
}

TEST_CASE("a signal in an evaluation does not wait for its end, and the evaluation is made up for") {
  const Workplace w;
  const std::string slow = " --set train.steps=1 --set task.eval_sequences=100000000 --set train.batch=64";
  const std::string log = (w.folder / "log").string();
  const int status =
      std::system(("bash -c \"'" SEQTAPE_PROGRAM "' train " + w.config + " --out " + w.run + slow + " > " + log +
                   " & pid=\\$!; for i in \\$(seq 100); do sleep 0.1; grep -q 'step      1' " + log +
                   " && break; done; kill \\$pid; wait \\$pid\"")
                      .c_str());
  CHECK_EQ(WEXITSTATUS(status), 143);
  CHECK(read_file(log).find("stopped at step 1 and saved") != std::string::npos);
  CHECK_EQ(w.metrics().size(), 1);
  const Outcome resumed = w.train("--resume --set train.steps=1 --set task.eval_sequences=8 --set train.batch=64");
  CHECK_EQ(resumed.exit_code, 0);
  REQUIRE_EQ(w.metrics().size(), 2);
  CHECK_EQ(w.metrics()[1]["split"], "validation");
}

TEST_CASE("whatever happens to its folder, a run ends with an error and leaves its checkpoint") {
  const Workplace w;
  const std::string longer =
      "--resume --set train.steps=2000 --set train.checkpoint_every=100 --set train.eval_every=2000";
  REQUIRE_EQ(w.train("--set train.steps=5").exit_code, 0);
  const std::string checkpoint = w.bytes("step-00000005");

  SUBCASE("metrics that cannot be written") {
    std::filesystem::rename(w.run + "/metrics.jsonl", w.run + "/kept");
    std::filesystem::create_directory(w.run + "/metrics.jsonl");
    const Outcome outcome = w.train(longer);
    CHECK_EQ(outcome.exit_code, 1);
    CHECK(outcome.err.find("metrics.jsonl: is not a file but a folder") != std::string::npos);
    CHECK(w.bytes("step-00000005") == checkpoint);
  }
  SUBCASE("the folder is deleted") {
    const std::string err = (w.folder / "err").string();
    const int status = std::system(("bash -c \"'" SEQTAPE_PROGRAM "' train " + w.config + " --out " + w.run +
                                    " --resume --set train.steps=100000000 --set train.eval_every=100000000 "
                                    "--set train.log_every=20 --set train.checkpoint_every=1000 > /dev/null 2> " +
                                    err + " & pid=\\$!; sleep 1; rm -rf " + w.run + "; wait \\$pid\"")
                                       .c_str());
    CHECK_EQ(WEXITSTATUS(status), 1);
    CHECK(read_file(err).find("No such file or directory") != std::string::npos);
  }
  SUBCASE("a full disk, and one that turned read-only") {
    // In a mount namespace of its own, where this machine lets us have one.
    const std::string mount =
        "unshare -rm sh -c \"mount -t tmpfs -o size=256k tmpfs /mnt && cp -r " + w.run + " /mnt/r && ";
    if (std::system((mount + "true\" 2> /dev/null").c_str()) != 0) {
      MESSAGE("not run: no mount namespace here");
      return;
    }
    const std::string train = "'" SEQTAPE_PROGRAM "' train " + w.config + " --out /mnt/r " + longer + " > /dev/null";
    const std::string whole = "'" SEQTAPE_PROGRAM
                              "' eval /mnt/r > /dev/null && cmp /mnt/r/checkpoints/step-00000005/model.safetensors " +
                              w.run + "/checkpoints/step-00000005/model.safetensors";
    const std::string full = (w.folder / "full").string(), fixed = (w.folder / "fixed").string();
    const int status = std::system((mount + "cp " + w.config + " " + full +
                                    "; dd if=/dev/zero of=/mnt/fill bs=1k 2> /dev/null; " + train + " 2> " + full +
                                    "; echo \\$? >> " + full + "; " + whole + " && mount -o remount,ro /mnt && { " +
                                    train + " 2> " + fixed + "; echo \\$? >> " + fixed + "; " + whole + "; }\"")
                                       .c_str());
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK(read_file(full).find("No space left on device\n1\n") != std::string::npos);
    CHECK(read_file(fixed).find("Read-only file system\n1\n") != std::string::npos);
  }
  CHECK(std::filesystem::exists(w.folder.path()));
}

TEST_CASE("a step with a NaN is skipped and counted where the config says so") {
  const Workplace w;
  const Outcome outcome =
      w.train("--set optimizer.lr=1e30 --set optimizer.clip_norm=0 --set train.on_nan=skip --set train.log_every=20");
  CHECK_EQ(outcome.exit_code, 0);
  CHECK(outcome.out.find(": skipped: loss ") != std::string::npos);
  int skipped = 0;
  for (const Json& line : w.metrics()) skipped = std::max(skipped, line.value("skipped_steps", 0));
  CHECK(skipped >= 1);
}

TEST_CASE("training stops when the watched metric no longer improves") {
  const Workplace w;
  const Outcome outcome = w.train(
      "--set optimizer.lr=1e-12 --set train.steps=1000 --set train.patience=3 --set train.best=accuracy --set "
      "train.eval_every=10");
  CHECK_EQ(outcome.exit_code, 0);
  CHECK(outcome.out.find("stopped early: 3 evaluations without a better accuracy than at step 10\n") !=
        std::string::npos);
  CHECK(testing::seqtape("runs " + w.run).out.find("finished") != std::string::npos);
  CHECK(w.train("--resume --set optimizer.lr=1e-12 --set train.steps=1000 --set train.patience=3 --set "
                "train.best=accuracy --set train.eval_every=10")
            .out.find("already finished: 40 of 1000 steps") != std::string::npos);
}

TEST_CASE("several lengths, warm start, changed data") {
  const Workplace w, other;
  REQUIRE_EQ(
      w.train("--set train.eval_lengths='[48,96]' --set train.best=loss@96 --set train.statistics=true").exit_code, 0);
  int at_96 = 0;
  for (const Json& line : w.metrics()) {
    at_96 += line.value("length", 0) == 96;
    if (line["split"] == "train") CHECK(line["update_ratio/blocks.0"].get<double>() > 0);
  }
  CHECK_EQ(at_96, 2);
  CHECK(testing::seqtape("plot " + w.run + " --length 96 --metric accuracy")
            .out.rfind("validation accuracy at length 96", 0) == 0);
  CHECK_EQ(testing::seqtape("plot " + w.run + " --svg " + (w.folder / "c.svg").string()).exit_code, 0);
  CHECK(read_file(w.folder / "c.svg").rfind("<svg ", 0) == 0);
  CHECK_EQ(testing::seqtape("plot " + w.run + " --over tokens --log --width 5").exit_code, 0);
  refused(testing::seqtape("plot " + w.run + " --metric acuracy"), 2,
          w.run + ": there is no validation metric \"acuracy\" yet; did you mean \"accuracy\"?");

  const Outcome warm = other.train("--init-from " + w.run + " --set model.layers=2 --set train.steps=1");
  CHECK_EQ(warm.exit_code, 0);
  CHECK(warm.out.find("warm start 14 of 24 tensors") != std::string::npos);
  CHECK(warm.out.find("missing: blocks.1.norm.weight [16]") != std::string::npos);
  refused(other.train("--resume --checkpoint step-00000007 --set model.layers=2"), 2,
          other.run + ": has no checkpoint \"step-00000007\"; it has step-00000001");

  const Workplace text(
      R"({"task": {"name": "text", "path": "t.txt", "length": 16}, "model": {"name": "rnn", "d_model": 8},
                           "train": {"steps": 2, "batch": 2}})");
  write_file(text.folder / "t.txt", std::string(2000, 'a'));
  REQUIRE_EQ(text.train().exit_code, 0);
  write_file(text.folder / "t.txt", std::string(2000, 'b'));
  const Outcome changed = text.train("--resume --set train.steps=4");
  CHECK_EQ(changed.exit_code, 2);
  Workplace narrow(
      R"({"task": {"name": "text", "path": "t.txt", "length": 16, "carry": true}, "model": {"name": "rnn", "d_model": 8},
          "train": {"steps": 2, "batch": 200}})");
  write_file(narrow.folder / "t.txt", std::string(2000, 'a'));
  refused(
      narrow.train(), 2,
      "train.batch: with task.carry the training split of 1900 bytes gives 200 rows a track of 9 each, a window needs "
      "17");
  CHECK_FALSE(std::filesystem::exists(narrow.run));
  CHECK(changed.err.find("error: task: the data have changed since the run was started: they were ") == 0);
}

TEST_CASE("the memory that a dry run names is what the run takes") {
  for (const char* model :
       {R"("name": "mamba")", R"("name": "transformer")", R"("name": "lstm")", R"("name": "s4d")"}) {
    CAPTURE(model);
    const Workplace w(std::string(R"({"task": {"name": "induction_heads", "length": 3000, "eval_sequences": 16},)") +
                      "\"model\": {" + model + R"(, "d_model": 64, "layers": 3}, "train": {"steps": 2, "batch": 8}})");
    const Outcome dry = w.train("--dry-run");
    CHECK_EQ(dry.exit_code, 0);
    CHECK_FALSE(std::filesystem::exists(w.run));
    const Outcome real = w.train();
    const auto mebibytes = [](const std::string& text, std::size_t end) {
      const std::size_t unit = text.rfind(" MiB", end), start = text.find_last_of(" \n", unit - 1);
      return std::stod(text.substr(start + 1, unit - start - 1));
    };
    const double named = mebibytes(dry.out, dry.out.find(" in all; "));
    const double taken = mebibytes(real.out, real.out.size());
#ifndef __SANITIZE_ADDRESS__  // the sanitizer's own memory is a quarter more
    CHECK(named > 0.8 * taken);
#endif
    CHECK(named < 1.2 * taken);
  }
}

TEST_CASE("TensorBoard reads what the metrics say") {
  if (std::system("protoc --version > /dev/null 2>&1") != 0) {
    MESSAGE("not run: protoc is missing");
    return;
  }
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  std::string events, encoded;
  for (const auto& entry : std::filesystem::directory_iterator(w.run + "/tensorboard"))
    events = read_file(entry.path());
  // Frames: length (8), its masked CRC (4), the event, its masked CRC (4). As the repeated field 1 of a message.
  for (std::size_t at = 0; at < events.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, events.data() + at, 8);
    REQUIRE(length < 128);  // one byte as a varint
    encoded += "\x0a" + std::string(1, static_cast<char>(length)) + events.substr(at + 12, length);
    at += 12 + length + 4;
  }
  write_file(w.folder / "events", encoded);
  const std::string decoded = (w.folder / "decoded").string();
  REQUIRE_EQ(std::system(("protoc --proto_path=" SEQTAPE_SOURCE_DIR "/tests/support --decode=Events event.proto < " +
                          (w.folder / "events").string() + " > " + decoded)
                             .c_str()),
             0);
  const std::string text = read_file(decoded);
  CHECK(text.find("file_version: \"brain.Event:2\"") != std::string::npos);
  const Json last = w.metrics().back();
  const std::size_t tag = text.rfind("tag: \"validation/loss\"");
  REQUIRE(tag != std::string::npos);
  CHECK(std::stod(text.substr(text.find("simple_value: ", tag) + 14)) ==
        doctest::Approx(last["loss"].get<double>()).epsilon(1e-5));
  CHECK(text.rfind("step: 20") != std::string::npos);
}

TEST_CASE("what a run began with may be gone when it is resumed, and stays on record") {
  const Workplace source, w;
  REQUIRE_EQ(source.train("--set train.steps=2").exit_code, 0);
  REQUIRE_EQ(w.train("--set train.steps=2 --init-from " + source.run).exit_code, 0);
  std::filesystem::remove_all(source.run);
  CHECK_EQ(w.train("--resume --set train.steps=3 --init-from " + source.run).exit_code, 0);
  CHECK_EQ(w.train("--resume --set train.steps=4").exit_code, 0);
  CHECK_EQ(Json::parse(read_file(w.run + "/config.json"))["train"]["init_from"], source.run);
}

TEST_CASE("patience is kept over a resume, with no finite evaluation too") {
  const Workplace w;
  const std::string broken =
      "--set optimizer.lr=1e30 --set optimizer.clip_norm=0 --set train.on_nan=skip --set train.patience=4 --set "
      "train.eval_every=2 --set train.steps=";
  REQUIRE_EQ(w.train(broken + "4").exit_code, 0);
  const Outcome on = w.train(broken + "40 --resume");
  CHECK(on.out.find("stopped early: 4 evaluations without a ") != std::string::npos);
  CHECK(w.train(broken + "40 --resume").out.find("already finished: 8 of 40 steps") != std::string::npos);
}

TEST_CASE("one damaged run does not hide the others") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=2").exit_code, 0);
  const std::string bad = (w.folder / "bad").string();
  std::filesystem::copy(w.run, bad, std::filesystem::copy_options::recursive);
  write_file(bad + "/config.json", R"({"task": {"name": 5}, "model": []})");
  const Outcome runs = testing::seqtape("runs " + w.folder.path().string());
  CHECK_EQ(runs.exit_code, 0);
  CHECK(runs.out.find("finished") != std::string::npos);
  CHECK(runs.out.find("damaged") != std::string::npos);
  write_file(w.run + "/metrics.jsonl", "{\"step\": 1, \"split\": 5, \"loss\": 1}\n");
  CHECK_EQ(testing::seqtape("plot " + w.run).exit_code, 2);
}

TEST_CASE("no thread of a training can be interrupted by a signal, and the first one saves and stops") {
  // Under a handler on the thread of a matrix product oneDNN 2.6 writes where it should not (apps/trainer/signals.h).
  const Workplace w;
  const std::string result = (w.folder / "result").string(), masks = (w.folder / "masks").string();
  const std::string script = "'" SEQTAPE_PROGRAM "' train " + w.config + " --out " + w.run +
                             " --threads 2 --set train.steps=10000000 >/dev/null 2>&1 & pid=$!\n"
                             "for i in $(seq 300); do [ -s " +
                             w.run +
                             "/metrics.jsonl ] && break; sleep 0.1; done\n"
                             "cat /proc/$pid/task/*/status | grep ^SigBlk: | cut -f2 >" +
                             masks +
                             "\n"
                             "kill -INT $pid; wait $pid; echo $? >" +
                             result + "\n";
  write_file(w.folder / "script", script);
  REQUIRE_EQ(std::system(("bash " + (w.folder / "script").string() + " 2>/dev/null").c_str()), 0);
  CHECK_EQ(read_file(result), "130\n");
  std::ifstream lines(masks);
  int threads = 0, open = 0;
  for (std::string mask; std::getline(lines, mask); ++threads) {
    const unsigned long long blocked = std::stoull(mask, nullptr, 16);
    open += (blocked >> (SIGINT - 1) & 1) == 0 || (blocked >> (SIGTERM - 1) & 1) == 0;
  }
  CHECK_GE(threads, 3);
  CHECK_LE(open, 1);  // the one that waits for them
  CHECK(std::filesystem::exists(w.run + "/checkpoints/index.json"));
}
