#include "data/task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

std::unique_ptr<Task> make(const std::string& name, const Json& settings, std::uint64_t seed = 1) {
  auto task = tasks().find(name)->make();
  read_fields([&](Fields& f) { task->fields(f); }, settings, "task");
  task->prepare(seed);
  return task;
}

}  // namespace

TEST_CASE("every synthetic task is deterministic, differs by step and split, and comes in pieces") {
  for (const auto& entry : tasks().entries) {
    if (entry.name == "text" || entry.name == "images") continue;
    CAPTURE(entry.name);
    const auto task = make(entry.name, Json::object()), again = make(entry.name, Json::object());
    Batch a, b, c;
    task->training_batch(3, 4, a);
    again->training_batch(3, 4, b);
    again->training_batch(4, 4, c);
    CHECK(a.tokens == b.tokens);
    CHECK(a.targets == b.targets);
    CHECK(a.tokens != c.tokens);
    // One pass in pieces of 7 equals one in whole sequences.
    const auto whole = task->pass(Split::validation, {.batch = 4, .piece = 1 << 20});
    const auto pieces = task->pass(Split::validation, {.batch = 4, .piece = 7});
    Batch all, piece;
    REQUIRE(whole->next(all));
    CHECK(all.tokens != a.tokens);
    Index at = 0;
    while (at < all.length) {
      REQUIRE(pieces->next(piece));
      CHECK_EQ(piece.first, at == 0);
      CHECK_EQ(piece.last, at + piece.length == all.length);
      for (Index s = 0; s < piece.batch; ++s)
        for (Index t = 0; t < piece.length; ++t) {
          REQUIRE(piece.tokens[static_cast<std::size_t>(s * piece.length + t)] ==
                  all.tokens[static_cast<std::size_t>(s * all.length + at + t)]);
          REQUIRE(piece.targets[static_cast<std::size_t>(s * piece.length + t)] ==
                  all.targets[static_cast<std::size_t>(s * all.length + at + t)]);
        }
      at += piece.length;
    }
  }
}

TEST_CASE("induction heads: the marker twice, the answer behind the first, nothing else scored") {
  const auto task = make("induction_heads", {{"vocab", 8}, {"length", 20}});
  std::map<Index, int> places;
  std::map<std::int32_t, int> answers;
  Batch batch;
  for (Index step = 0; step < 200; ++step) {
    task->training_batch(step, 16, batch);
    for (Index b = 0; b < 16; ++b) {
      const std::int32_t* const row = batch.tokens.data() + b * 20;
      Index markers = 0, place = -1;
      for (Index t = 0; t < 20; ++t) {
        REQUIRE((row[t] >= 0 && row[t] < 8));
        if (row[t] == 7 && place < 0) place = t;
        markers += row[t] == 7;
        REQUIRE((batch.targets[static_cast<std::size_t>(b * 20 + t)] == Batch::kIgnored) == (t < 19));
      }
      REQUIRE(markers == 2);
      REQUIRE(row[19] == 7);
      REQUIRE(batch.targets[static_cast<std::size_t>(b * 20 + 19)] == row[place + 1]);
      ++places[place];
      ++answers[row[place + 1]];
    }
  }
  CHECK_EQ(places.size(), 18);  // 0 .. L-3
  for (const auto& [place, count] : places) CHECK(count > 100);
  CHECK_EQ(answers.size(), 7);
  for (const auto& [answer, count] : answers) CHECK(count == doctest::Approx(3200.0 / 7).epsilon(0.2));
}

TEST_CASE("induction heads: training sequences grow as told, with as many tokens to a batch") {
  const auto task = make("induction_heads", {{"length", 16}, {"longest", 64}, {"grow_from", 10}, {"grow_every", 5}});
  Batch batch;
  for (const auto& [step, length] :
       std::map<Index, Index>{{0, 16}, {9, 16}, {10, 32}, {14, 32}, {15, 64}, {1000, 64}}) {
    task->training_batch(step, 8, batch);
    CHECK_EQ(batch.length, length);
    CHECK_EQ(batch.batch, 8 * 16 / length);
    CHECK_EQ(batch.tokens[static_cast<std::size_t>(length - 1)], 15);
  }
}

TEST_CASE("text: windows cover every byte of the split but its first once") {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i * 7 % 251);
  write_file(folder / "a.txt", bytes.substr(0, 600));
  write_file(folder / "b.txt", bytes.substr(600));
  const auto task = make("text", {{"path", folder.path().string()}, {"length", 32}, {"train_fraction", 0.5}});
  for (const Index piece_length : {32, 5}) {
    const auto pass = task->pass(Split::validation, {.batch = 3, .piece = piece_length});
    std::map<Index, std::string> windows;  // by their place in the pass
    Index window = 0, scored = 0;
    std::string targets;
    for (Batch piece; pass->next(piece);) {
      for (Index b = 0; b < piece.batch; ++b)
        for (Index t = 0; t < piece.length; ++t) {
          const std::int32_t target = piece.targets[static_cast<std::size_t>(b * piece.length + t)];
          if (target == Batch::kIgnored) continue;
          windows[window + b] += static_cast<char>(target);
          ++scored;
        }
      if (piece.last) window += piece.batch;
    }
    for (const auto& [place, text] : windows) targets += text;
    CHECK_EQ(scored, 499);
    CHECK(targets == bytes.substr(501));
  }
  // Training: an epoch of 14 windows (500 bytes, of which an offset takes up to 32) repeats no byte.
  Batch batch;
  std::map<std::string, int> seen;
  for (Index step = 0; step < 7; ++step) {
    task->training_batch(step, 2, batch);
    for (Index b = 0; b < 2; ++b)
      ++seen[task->decode({batch.tokens.begin() + b * 32, batch.tokens.begin() + (b + 1) * 32})];
  }
  CHECK_EQ(seen.size(), 14);
  for (const auto& [window, count] : seen) CHECK(bytes.substr(0, 500).find(window) != std::string::npos);
  task->training_batch(0, 8, batch);
  for (Index i = 0; i + 1 < batch.length; ++i)
    CHECK_EQ(batch.targets[static_cast<std::size_t>(i)], batch.tokens[static_cast<std::size_t>(i + 1)]);
  CHECK(task->decode(task->encode("a\xff\n")) == "a\xff\n");
}

TEST_CASE("text: bad files are refused by name") {
  const TemporaryFolder folder;
  write_file(folder / "empty", "");
  write_file(folder / "short", "abcdefghijklmnopqrstuvwxyz");
  const auto error = [&](const Json& settings) { return message_of<DataError>([&] { make("text", settings); }); };
  CHECK_EQ(error({{"path", (folder / "no").string()}}), "task.path: " + (folder / "no").string() + " does not exist");
  CHECK_EQ(error({{"path", (folder / "empty").string()}}),
           "task.path: " + (folder / "empty").string() + ": no bytes to read; the files are empty");
  CHECK_EQ(error({{"path", (folder / "short").string()}, {"length", 8}}),
           "task.length: the validation split has 2 bytes, a window needs 9; lower task.length, or change "
           "task.train_fraction (0.95)");
}

namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

/// Ten images of 3 x 3 whose pixels count up, labels 0 .. 9.
struct IdxFiles {
  TemporaryFolder folder;
  std::string images = (folder / "images").string(), labels = (folder / "labels").string();
  std::string image_bytes = big_endian(0x0803) + big_endian(10) + big_endian(3) + big_endian(3);
  std::string label_bytes = big_endian(0x0801) + big_endian(10);
  IdxFiles() {
    for (int i = 0; i < 90; ++i) image_bytes += static_cast<char>(i);
    for (int i = 0; i < 10; ++i) label_bytes += static_cast<char>(i);
    write();
  }
  void write() const {
    write_file(images, image_bytes);
    write_file(labels, label_bytes);
  }
  Json settings() const { return {{"images", images}, {"labels", labels}, {"side", 3}, {"validation", 3}}; }
  std::string error(const Json& more = Json::object()) const {
    Json all = settings();
    all.update(more);
    return message_of<DataError>([&] { make("images", all); });
  }
};

}  // namespace

TEST_CASE("images: every training image once an epoch, validation at the end, orders are permutations") {
  const IdxFiles files;
  for (const std::string order : {"raster", "permuted", "bit_reversed"}) {
    Json settings = files.settings();
    settings["order"] = order;
    settings["tokens"] = true;
    const auto task = make("images", settings);
    std::map<std::int32_t, int> seen;
    Batch batch;
    for (Index step = 0; step < 7; ++step) {
      task->training_batch(step, 2, batch);
      for (Index b = 0; b < 2; ++b) {
        const std::int32_t label = batch.targets[static_cast<std::size_t>(b)];
        ++seen[label];
        std::vector<std::int32_t> pixels(batch.tokens.begin() + b * 9, batch.tokens.begin() + (b + 1) * 9);
        CHECK_EQ(std::is_sorted(pixels.begin(), pixels.end()), order == "raster");
        std::sort(pixels.begin(), pixels.end());
        for (int i = 0; i < 9; ++i) CHECK_EQ(pixels[static_cast<std::size_t>(i)], label * 9 + i);
      }
    }
    CHECK_EQ(seen.size(), 7);  // two epochs of seven
    for (const auto& [label, count] : seen) CHECK_EQ(count, 2);
    const auto pass = task->pass(Split::validation, {.batch = 2, .piece = 4});
    std::vector<std::int32_t> labels;
    for (Batch piece; pass->next(piece);)
      if (piece.last) labels.insert(labels.end(), piece.targets.begin(), piece.targets.end());
    CHECK(labels == std::vector<std::int32_t>{7, 8, 9});
  }
}

TEST_CASE("images: files that lie are refused by name") {
  IdxFiles files;
  CHECK_EQ(files.error(), "");
  CHECK_EQ(files.error({{"side", 28}}), files.images + ": images are 3 x 3, task.side is 28");
  CHECK_EQ(files.error({{"classes", 5}}), files.labels + ": label 5 of image 5 is not below task.classes, 5");
  CHECK_EQ(files.error({{"validation", 10}}), "task.validation: must be < the 10 training images, got 10");
  files.image_bytes[7] = 11;
  files.write();
  CHECK_EQ(files.error(), files.images + ": its header promises 99 bytes of data, it has 90");
  files.image_bytes[7] = 10;
  files.image_bytes[2] = 9;
  files.write();
  CHECK_EQ(files.error(), files.images + ": is not an IDX file of images: its magic number is 2307, must be 2051");
  files.image_bytes[2] = 8;
  files.label_bytes[7] = 9;
  files.label_bytes.pop_back();
  files.write();
  CHECK_EQ(files.error(), files.labels + ": has 9 labels for the 10 images of " + files.images);
  files.image_bytes.clear();
  files.write();
  CHECK_EQ(files.error(), files.images + ": is too short for an IDX file: 0 bytes");
}
