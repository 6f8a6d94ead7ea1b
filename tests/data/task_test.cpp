#include "data/task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <random>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

TEST_CASE("every synthetic task is deterministic, differs by step and split, and comes in chunks") {
  int synthetic = 0;
  for (const auto& entry : tasks().entries) {
    const auto made = entry.make();
    const auto constraints = constraints_of([&](Fields& f) { made->fields(f); });
    if (constraints.count("path") || constraints.count("images")) continue;  // it reads files
    ++synthetic;
    CAPTURE(entry.name);
    const auto task = make(entry.name, Json::object()), again = make(entry.name, Json::object());
    const TaskShape shape = task->shape();
    Batch a, b, c;
    task->training_batch(3, 4, a);
    again->training_batch(3, 4, b);
    again->training_batch(4, 4, c);
    CHECK(a.tokens == b.tokens);
    CHECK(a.values == b.values);
    CHECK(a.targets == b.targets);
    CHECK(a.target_values == b.target_values);
    CHECK((a.tokens != c.tokens || a.values != c.values));
    // One pass in chunks of 7 equals one in whole sequences.
    const auto whole = task->evaluation(Split::validation, {.batch = 4, .chunk = 1 << 20});
    const auto chunks = task->evaluation(Split::validation, {.batch = 4, .chunk = 7});
    Batch all, chunk;
    REQUIRE(whole->next(all));
    CHECK((all.tokens != a.tokens || all.values != a.values));
    const auto same = [](const auto& part, const auto& from, Index row, Index at, const Batch& of, Index width) {
      return part.empty() ||
             std::equal(part.begin() + row * of.length * width, part.begin() + (row + 1) * of.length * width,
                        from.begin() + (row * static_cast<Index>(from.size()) / of.batch) + at * width);
    };
    Index at = 0;
    std::vector<Index> lengths(4, 0);
    while (at < all.length) {
      REQUIRE(chunks->next(chunk));
      CHECK_EQ(chunk.first, at == 0);
      CHECK_EQ(chunk.last, at + chunk.length == all.length);
      for (Index s = 0; s < chunk.batch; ++s) {
        REQUIRE(same(chunk.tokens, all.tokens, s, at, chunk, 1));
        REQUIRE(same(chunk.values, all.values, s, at, chunk, shape.features));
        if (!shape.pooled) REQUIRE(same(chunk.targets, all.targets, s, at, chunk, 1));
        if (!chunk.lengths.empty()) lengths[static_cast<std::size_t>(s)] += chunk.lengths[static_cast<std::size_t>(s)];
      }
      at += chunk.length;
    }
    if (shape.pooled) CHECK(chunk.targets == all.targets);
    CHECK(chunk.target_values == all.target_values);
    for (std::size_t s = 0; s < all.lengths.size(); ++s) CHECK_EQ(lengths[s], all.lengths[s]);
  }
  CHECK_GE(synthetic, 9);
}

namespace {

/// Sequences of the first training batches: [t] of row b.
struct Rows {
  explicit Rows(const Task& task, Index step = 0, Index count = 64) {
    task.training_batch(step, count, batch);
    for (Index b = 0; b < count; ++b) {
      const Batch row = batch.rows(b, b + 1);
      tokens.push_back(row.tokens);
      targets.push_back(row.targets);
      if (!row.lengths.empty()) tokens.back().resize(static_cast<std::size_t>(row.lengths[0]));
    }
  }
  Batch batch;
  std::vector<std::vector<std::int32_t>> tokens, targets;
};

/// The value of the expression at `at`, by recursive descent.
int evaluate_listops(const std::vector<std::int32_t>& tokens, std::size_t& at) {
  const std::int32_t head = tokens.at(at++);
  if (head < 10) return head;
  std::vector<int> values;
  while (tokens.at(at) != 14) values.push_back(evaluate_listops(tokens, at));
  ++at;
  REQUIRE(values.size() >= 2);
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  if (head == 10) return values.front();
  if (head == 11) return values.back();
  if (head == 12) return static_cast<int>((values[(n - 1) / 2] + values[n / 2]) / 2.0);
  int sum = 0;
  for (const int value : values) sum += value;
  return sum % 10;
}

}  // namespace

TEST_CASE("copying: the symbols come back after the delimiter") {
  const auto task = make("copying", {{"length", 50}, {"items", 6}, {"symbols", 5}});
  const Rows rows(*task);
  std::map<int, int> seen;
  for (std::size_t b = 0; b < rows.tokens.size(); ++b) {
    const auto &x = rows.tokens[b], &y = rows.targets[b];
    CHECK_EQ(x[43], 6);
    for (std::size_t t = 0; t < 50; ++t) {
      if (t >= 6 && t != 43) CHECK_EQ(x[t], 5);
      CHECK_EQ(y[t], t < 44 ? 5 : x[t - 44]);
      if (t < 6) ++seen[x[t]];
    }
  }
  for (int symbol = 0; symbol < 5; ++symbol) CHECK(seen[symbol] > 45);  // of 77 expected
  CHECK_EQ(message_of<ConfigError>([] {
             make("copying", {{"length", 12}, {"items", 6}});
           }),
           "task.length: must be > 2 task.items, 12, got 12");
}

TEST_CASE("selective copying: what is not blank comes back at the markers") {
  const auto task = make("selective_copying", {{"length", 40}, {"items", 5}, {"vocab", 7}});
  const Rows rows(*task);
  std::vector<int> places(35, 0);
  for (std::size_t b = 0; b < rows.tokens.size(); ++b) {
    std::vector<std::int32_t> items, asked(rows.targets[b].begin() + 35, rows.targets[b].end());
    for (std::size_t t = 0; t < 35; ++t) {
      CHECK_EQ(rows.targets[b][t], kIgnore);
      if (rows.tokens[b][t]) items.push_back(rows.tokens[b][t]), ++places[t];
    }
    CHECK(items == asked);
    for (std::size_t t = 35; t < 40; ++t) CHECK_EQ(rows.tokens[b][t], 6);
  }
  // 64 sequences, 5 of 35 places: 9 a place; none is left out or preferred.
  for (const int count : places) CHECK((count >= 1 && count <= 25));
}

TEST_CASE("mqar: each key once more, and its value") {
  const auto task = make("mqar", {{"length", 40}, {"pairs", 5}, {"vocab", 64}});
  for (const auto& [x, y] : [&] {
         const Rows rows(*task);
         std::vector<std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>> all;
         for (std::size_t b = 0; b < rows.tokens.size(); ++b) all.emplace_back(rows.tokens[b], rows.targets[b]);
         return all;
       }()) {
    std::map<int, int> value_of;
    for (std::size_t i = 0; i < 10; i += 2) {
      CHECK((x[i] > 0 && x[i] < 32 && x[i + 1] >= 32));
      value_of[x[i]] = x[i + 1];
    }
    CHECK_EQ(value_of.size(), 5);
    int asked = 0;
    for (std::size_t t = 0; t < 40; ++t)
      if (y[t] != kIgnore) {
        CHECK(t >= 10);
        CHECK_EQ(t % 2, 0);
        CHECK_EQ(value_of.at(x[t]), y[t]);
        value_of[x[t]] = -1;  // each once
        ++asked;
      }
    CHECK_EQ(asked, 5);
  }
  CHECK_EQ(message_of<ConfigError>([] {
             make("mqar", {{"length", 64}, {"pairs", 17}});
           }),
           "task.length: must be >= 4 task.pairs, 68, got 64");
}

TEST_CASE("associative recall, parity") {
  const Rows recall(*make("associative_recall", {{"length", 11}, {"keys", 6}}));
  for (std::size_t b = 0; b < recall.tokens.size(); ++b) {
    const auto& x = recall.tokens[b];
    int answer = -1;
    for (std::size_t i = 0; i < 8; i += 2)
      if (x[i] == x[10]) answer = x[i + 1] - 6;
    CHECK_EQ(recall.targets[b][10], answer);
    CHECK((x[8] == 16 && x[9] == 16));
  }
  const Rows parity(*make("parity", {{"length", 30}}));
  for (std::size_t b = 0; b < parity.tokens.size(); ++b)
    for (std::size_t t = 0; t < 30; ++t)
      CHECK_EQ(parity.targets[b][t],
               std::count(parity.tokens[b].begin(), parity.tokens[b].begin() + static_cast<long>(t) + 1, 1) % 2);
}

TEST_CASE("adding: two marked numbers, one in each half, and their sum") {
  for (const char* markers : {"halves", "first_ten"}) {
    const auto task = make("adding", {{"length", 60}, {"markers", markers}});
    Batch batch;
    task->training_batch(0, 400, batch);
    double mean = 0, square = 0;
    for (Index b = 0; b < 400; ++b) {
      std::vector<Index> at;
      float sum = 0;
      for (Index t = 0; t < 60; ++t) {
        const float* const step = batch.values.data() + (b * 60 + t) * 2;
        if (step[1] == 1) at.push_back(t), sum += step[0];
      }
      REQUIRE_EQ(at.size(), 2);
      CHECK(at[0] < (markers[0] == 'h' ? 30 : 10));
      CHECK((markers[0] == 'h' ? at[1] >= 30 : at[1] < 30));
      CHECK(batch.target_values[static_cast<std::size_t>(b)] == sum);
      mean += static_cast<double>(sum) / 400;
      square += std::pow(static_cast<double>(sum) - 1, 2) / 400;
    }
    CHECK(mean == doctest::Approx(1).epsilon(0.06));
    CHECK(square == doctest::Approx(1.0 / 6).epsilon(0.2));  // the error of always answering 1
  }
}

TEST_CASE("listops: the answer is the expression's value") {
  const auto task = make("listops", {{"length", 120}, {"shortest", 20}, {"depth", 6}, {"arguments", 5}});
  const Rows rows(*task, 0, 200);
  std::map<int, int> answers, operators;
  for (std::size_t b = 0; b < rows.tokens.size(); ++b) {
    const auto& x = rows.tokens[b];
    CHECK((x.size() > 20 && x.size() <= 120));
    std::size_t at = 0;
    CHECK_EQ(evaluate_listops(x, at), rows.targets[b][0]);
    CHECK_EQ(at, x.size());
    ++answers[rows.targets[b][0]];
    for (const std::int32_t token : x)
      if (token >= 10 && token < 14) ++operators[token];
  }
  CHECK_EQ(answers.size(), 10);
  for (int operation = 10; operation < 14; ++operation) CHECK(operators[operation] > 200);
  CHECK(message_of<ConfigError>([] {
          make("listops", {{"length", 120}, {"shortest", 119}, {"depth", 2}});
        }).rfind("task.shortest: expressions of such lengths hardly occur", 0) == 0);
}

namespace {

/// Long Range Arena's definition, drawn by the standard library: an expression's tokens, its depth and its value.
struct ListOpsReference {
  std::mt19937 random{7};
  int depth, arguments;

  int uniform(int low, int high) { return std::uniform_int_distribution(low, high)(random); }
  void tree(int level, std::vector<std::int32_t>& tokens) {
    const bool leaf = level >= depth || std::uniform_real_distribution()(random) > 0.25;
    if (leaf) return tokens.push_back(uniform(0, 9));
    const int count = uniform(2, arguments);
    tokens.push_back(10 + uniform(0, 3));
    for (int i = 0; i < count; ++i) tree(level + 1, tokens);
    tokens.push_back(14);
  }
};

/// Means over expressions: length, deepest nesting, and the share of each value.
struct ListOpsMeans {
  double length = 0, depth = 0, share[10] = {};
  void add(const std::vector<std::int32_t>& tokens, double weight) {
    int open = 0, deepest = 0;
    for (const std::int32_t token : tokens) {
      open += token == 14 ? -1 : token >= 10;
      deepest = std::max(deepest, open);
    }
    std::size_t at = 0;
    length += weight * static_cast<double>(tokens.size());
    depth += weight * deepest;
    share[evaluate_listops(tokens, at)] += weight;
  }
};

}  // namespace

TEST_CASE("listops: lengths, depths and answers are spread as the definition spreads them") {
  constexpr Index kCount = 3000;
  const auto task = make("listops", {{"length", 100}, {"shortest", 10}, {"depth", 5}, {"arguments", 6}});
  const Rows rows(*task, 0, kCount);
  ListOpsMeans ours, wanted;
  for (const auto& tokens : rows.tokens) ours.add(tokens, 1.0 / kCount);
  ListOpsReference reference{.depth = 5, .arguments = 6};
  for (Index found = 0; found < kCount;) {
    std::vector<std::int32_t> tokens;
    reference.tree(1, tokens);
    if (tokens.size() <= 10 || tokens.size() > 100) continue;
    wanted.add(tokens, 1.0 / kCount);
    ++found;
  }
  // Five deviations of the difference of two such means: lengths deviate by about 20, depths by 0.7.
  CHECK(std::fabs(ours.length - wanted.length) < 5 * 20 * std::sqrt(2.0 / kCount));
  CHECK(std::fabs(ours.depth - wanted.depth) < 5 * 0.7 * std::sqrt(2.0 / kCount));
  for (int value = 0; value < 10; ++value)
    CHECK(std::fabs(ours.share[value] - wanted.share[value]) < 5 * std::sqrt(2 * 0.1 * 0.9 / kCount));
}

TEST_CASE("pathfinder: a curve joins the dots exactly where the class says so") {
  const auto task = make("pathfinder", Json::object());
  constexpr Index kCount = 150, kSide = 32;
  Batch batch;
  task->training_batch(0, kCount, batch);
  int connected = 0;
  double light = 0;
  for (Index b = 0; b < kCount; ++b) {
    const float* pixels = batch.values.data() + b * kSide * kSide;
    const auto at = [&](Index x, Index y) { return pixels[y * kSide + x]; };
    // A dot covers 2 x 2 pixels and more around its middle; a dash is one pixel wide.
    std::vector<std::pair<Index, Index>> dots;
    for (Index y = 0; y + 1 < kSide; ++y)
      for (Index x = 0; x + 1 < kSide; ++x) {
        const float least = std::min({at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)});
        if (least < 0.55f) continue;
        const auto near = [&](const auto& dot) { return std::abs(dot.first - x) + std::abs(dot.second - y) < 5; };
        if (std::none_of(dots.begin(), dots.end(), near)) dots.push_back({x, y});
      }
    REQUIRE_EQ(dots.size(), 2);
    // From the first dot over light pixels, with steps across the gaps between dashes.
    std::set<std::pair<Index, Index>> reached{dots[0]};
    std::queue<std::pair<Index, Index>> open;
    open.push(dots[0]);
    while (!open.empty()) {
      const auto [x, y] = open.front();
      open.pop();
      for (Index dy = -2; dy <= 2; ++dy)
        for (Index dx = -2; dx <= 2; ++dx) {
          const std::pair next{x + dx, y + dy};
          if (dx * dx + dy * dy > 4 || next.first < 0 || next.second < 0 || next.first >= kSide ||
              next.second >= kSide || at(next.first, next.second) < 0.25f || !reached.insert(next).second)
            continue;
          open.push(next);
        }
    }
    CHECK_EQ(reached.count(dots[1]), batch.targets[static_cast<std::size_t>(b)]);
    connected += batch.targets[static_cast<std::size_t>(b)];
    for (Index i = 0; i < kSide * kSide; ++i) light += static_cast<double>(pixels[i]);
  }
  CHECK(std::abs(connected - kCount / 2) < 30);
  CHECK(light / kCount > 50);  // two curves of six dashes, two dots, and what is between
  CHECK(message_of<ConfigError>([] {
          make("pathfinder", {{"dashes", 30}});
        }).rfind("task.dashes: two curves of 30 dashes hardly fit an image of 32 x 32", 0) == 0);
}

TEST_CASE("induction heads: the marker twice, the answer after the first, nothing else scored") {
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
        REQUIRE((batch.targets[static_cast<std::size_t>(b * 20 + t)] == kIgnore) == (t < 19));
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
  for (const Index chunk_length : {32, 5}) {
    const auto pass = task->evaluation(Split::validation, {.batch = 3, .chunk = chunk_length});
    std::map<Index, std::string> windows;  // by their place in the pass
    Index window = 0, scored = 0;
    std::string targets;
    for (Batch chunk; pass->next(chunk);) {
      for (Index b = 0; b < chunk.batch; ++b)
        for (Index t = 0; t < chunk.length; ++t) {
          const std::int32_t target = chunk.targets[static_cast<std::size_t>(b * chunk.length + t)];
          if (target == kIgnore) continue;
          windows[window + b] += static_cast<char>(target);
          ++scored;
        }
      if (chunk.last) window += chunk.batch;
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
    const auto labels = [&](Split split) {
      const auto pass = task->evaluation(split, {.batch = 2, .chunk = 4});
      std::vector<std::int32_t> all;
      for (Batch chunk; pass->next(chunk);)
        if (chunk.last) all.insert(all.end(), chunk.targets.begin(), chunk.targets.end());
      return all;
    };
    CHECK(labels(Split::validation) == std::vector<std::int32_t>{7, 8, 9});
    CHECK(labels(Split::train) == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(task->training_counts() == std::vector<Index>{1, 1, 1, 1, 1, 1, 1, 0, 0, 0});
    CHECK_FALSE(task->has(Split::test));
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

TEST_CASE("dna: FASTA records as bases, plain or gz; what is no base is named") {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.fa").string();
  write_file(path, ">one two\nACGT\nacgu\r\n>next\nNRAC\n");
  const auto task = make("dna", {{"path", path}, {"length", 5}, {"train_fraction", 0.5}});
  CHECK_EQ(task->shape().vocabulary, 5);
  CHECK_EQ(task->shape().unit, "base");
  // ACGTACGT N NNAC: the second half, from base 6, is GT N NNAC.
  Batch batch;
  const auto pass = task->evaluation(Split::validation, {.batch = 1, .chunk = 100});
  REQUIRE(pass->next(batch));
  CHECK(task->decode(batch.tokens) == "GTNNN");
  CHECK(task->decode(batch.targets) == "TNNNA");
  CHECK(task->decode(task->encode("acgtn")) == "ACGTN");
  CHECK_EQ(message_of<ConfigError>([&] { task->encode("AX"); }),
           "--prompt: \"X\" is not a base; known: A, C, G, T, U and IUPAC's codes");
  CHECK(task->notes().empty());
  write_file(path, ">one\nACGT\nAC!TZ\n");
  CHECK(make("dna", {{"path", path}, {"length", 2}, {"train_fraction", 0.5}})->notes() ==
        std::vector<std::string>{"2 letters that are no base (A, C, G, T, U and IUPAC's codes) were read as N"});
  write_file(path, "ACGT\n");
  CHECK_EQ(message_of<DataError>([&] {
             make("dna", {{"path", path}, {"length", 2}});
           }),
           path + ":1: is not a FASTA file: there is text in front of the first line with \">\": \"ACGT\"");
}

TEST_CASE("documents: every text once an epoch, like lengths together, splits that no seed moves") {
  const TemporaryFolder folder;
  std::map<std::string, int> label_of;
  for (const char* name : {"ham", "spam"}) {
    std::filesystem::create_directory(folder / name);
    for (int i = 0; i < 30; ++i) {
      const std::string text = name + std::to_string(i) + std::string(static_cast<std::size_t>(i * 3), '.');
      label_of[text] = name[0] == 's';
      write_file(folder.path() / name / (std::to_string(i) + ".txt"), text);
    }
  }
  const Json settings = {{"path", folder.path().string()}, {"validation_fraction", 0.2}};
  const auto task = make("documents", settings, 1), other = make("documents", settings, 2);
  const auto texts = [](const Batch& batch) {
    std::vector<std::string> all;
    for (Index b = 0; b < batch.batch; ++b) {
      std::string text;
      for (Index t = 0; t < batch.lengths[static_cast<std::size_t>(b)]; ++t)
        text += static_cast<char>(batch.tokens[static_cast<std::size_t>(b * batch.length + t)]);
      all.push_back(text);
    }
    return all;
  };
  std::map<std::string, int> seen;
  Index padding = 0;
  Batch batch;
  for (Index step = 0; step < 7; ++step) {  // 42 texts train, 6 a batch
    task->training_batch(step, 6, batch);
    const auto all = texts(batch);
    for (std::size_t b = 0; b < all.size(); ++b) {
      ++seen[all[b]];
      REQUIRE(label_of.count(all[b]));
      CHECK_EQ(batch.targets[b], label_of[all[b]]);
      padding += batch.length - static_cast<Index>(all[b].size());
    }
  }
  CHECK_EQ(seen.size(), 42);
  CHECK(padding < 42 * 8);  // in random batches about 30 each
  const auto validation = [&](const Task& of, Index chunk) {
    std::map<std::string, int> found;
    const auto pass = of.evaluation(Split::validation, {.batch = 5, .chunk = chunk});
    std::vector<std::string> open;
    for (Batch part; pass->next(part);) {
      const auto all = texts(part);
      if (part.first) open.assign(all.size(), "");
      for (std::size_t b = 0; b < all.size(); ++b) open[b] += all[b];
      if (part.last)
        for (std::size_t b = 0; b < open.size(); ++b) found[open[b]] = part.targets[b];
    }
    return found;
  };
  const auto held = validation(*task, 1000);
  CHECK_EQ(held.size(), 12);
  for (const auto& [text, label] : held) {
    CHECK_EQ(seen.count(text), 0);
    CHECK_EQ(label, label_of.at(text));
  }
  CHECK(validation(*task, 7) == held);
  CHECK(validation(*other, 1000) == held);
  CHECK_EQ(message_of<ConfigError>([&] {
             make("documents", {{"path", folder.path().string()}, {"classes", 3}});
           }),
           "task.classes: must be the 2 classes of the data (ham, spam), got 3");
  write_file(folder / "t.tsv", "a\tone\nb\ttwo\nc three\n");
  CHECK_EQ(message_of<DataError>([&] {
             make("documents", {{"path", (folder / "t.tsv").string()}});
           }),
           (folder / "t.tsv").string() + ":3: must be a class, a tab and a text");
}

TEST_CASE("copying: what no memory can do costs 10 ln 8 / (T + 20)") {
  for (const Index t : {100, 500}) {
    const auto task = make("copying", {{"length", t + 20}});
    Batch batch;
    task->training_batch(0, 400, batch);
    // Known without memory: blanks everywhere but after the delimiter's ten; there, each of the eight symbols alike.
    double cost = 0, scored = 0;
    std::map<std::int32_t, double> counts;
    for (Index b = 0; b < batch.batch; ++b)
      for (Index i = 0; i < t + 20; ++i) {
        const std::int32_t target = batch.targets[static_cast<std::size_t>(b * (t + 20) + i)];
        REQUIRE(target != kIgnore);
        scored += 1;
        if (i < t + 10) {
          CHECK_EQ(target, 8);
        } else {
          REQUIRE(target < 8);
          cost += std::log(8.0);
          counts[target] += 1;
        }
      }
    CHECK(cost / scored == doctest::Approx(10 * std::log(8.0) / static_cast<double>(t + 20)));
    for (const auto& [symbol, count] : counts) CHECK(count == doctest::Approx(500).epsilon(0.2));
    CHECK_EQ(counts.size(), 8);
  }
}

TEST_CASE("tokens: ids of files") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i % 50) + (i % 3 ? " " : ",\n");
  write_file(folder / "ids", text);
  const Json settings = {{"path", (folder / "ids").string()}, {"vocab", 50}, {"length", 10}, {"train_fraction", 0.5}};
  const auto task = make("tokens", settings);
  CHECK_EQ(task->shape().vocabulary, 50);
  CHECK(task->encode("3 49, 0") == std::vector<std::int32_t>{3, 49, 0});
  CHECK_EQ(task->decode({7, 8}), " 7 8");
  Batch chunk;
  REQUIRE(task->evaluation(Split::validation, {.batch = 1, .chunk = 10})->next(chunk));
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK_EQ(chunk.tokens[i], static_cast<std::int32_t>(i));  // the second half begins at 100
    CHECK_EQ(chunk.targets[i], static_cast<std::int32_t>(i) + 1);
  }
  auto other = tasks().find("tokens")->make();
  read_fields([&](Fields& f) { other->fields(f); }, settings, "task");
  other->use(task->learned());
  write_file(folder / "others", "9 8 7");
  other->evaluate_on(folder / "others");
  other->prepare(1);
  REQUIRE(other->evaluation(Split::test, {.batch = 1, .chunk = 10})->next(chunk));
  CHECK(chunk.targets == std::vector<std::int32_t>{8, 7});
  CHECK(other->training_counts() == std::vector<Index>(50, 2));
  for (const char* wrong : {"1 2 50", "1 2 -3", "1 2 x", "1 2 99999999999"}) {
    write_file(folder / "ids", wrong);
    CHECK(message_of<DataError>([&] {
            make("tokens", settings);
          }).find("ids: number 3: must be a token in [0, 50), got") != std::string::npos);
  }
}
