// Runs every golden case of a folder: SEQTAPE_GOLDEN_DIR, or the one in the source tree. A line a case, and last of
// all "golden: N passed, M failed, K skipped". Ops named in SEQTAPE_GOLDEN_SKIP (comma-separated) are skipped.
// SEQTAPE_GOLDEN_ERRORS=1: a case's line also has the largest difference and its tensor.
#include "tests/golden/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "core/error.h"
#include "core/strings.h"
#include "tests/support/trust.h"

namespace seqtape::golden {

std::string Case::attribute(const std::string& name) const {
  const auto found = file_.metadata().find(name);
  if (found == file_.metadata().end()) throw DataError(str("the case has no attribute ", name));
  return found->second;
}

double Case::number(const std::string& name) const { return std::stod(attribute(name)); }

Variable Case::in(const std::string& name) {
  const std::string key = "in." + name;
  if (!file_.contains(key)) return {};
  const std::vector<float> values = file_.floats(key);
  return inputs_[name] = Variable(Tensor::of(file_.entry(key).shape, values), true);
}

IndexTensor Case::ids(const std::string& name) {
  const std::vector<std::int64_t> values = file_.integers("in." + name);
  return IndexTensor::of(file_.entry("in." + name).shape, std::vector<std::int32_t>(values.begin(), values.end()));
}

void Case::compare(const std::string& name, const Real* got, const Shape& shape) {
  if (!(file_.entry(name).shape.size() == shape.size())) {
    compared_.insert(name);
    problems_.push_back(str(name, ": shape is ", shape, ", must be ", file_.entry(name).shape));
    return;
  }
  // atol = 1e-6 + 2e-5 max|want|, rtol = 1e-4
  compare_within(name, got, shape.size(), 1e-4, 2e-5);
}

void Case::compare_within(const std::string& name, const Real* got, Index size, double rtol, double atol_scale) {
  compared_.insert(name);
  const std::vector<double> want = file_.doubles(name);
  if (static_cast<Index>(want.size()) != size) {
    problems_.push_back(str(name, ": has ", size, " elements, must have ", want.size()));
    return;
  }
  double most = 0, largest = 0, worst = -1;
  for (double value : want)
    if (std::isfinite(value)) most = std::max(most, std::fabs(value));
  const double atol = 1e-6 + atol_scale * most;
  std::string report;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double value = static_cast<double>(got[i]);
    if (value == want[i]) continue;  // infinities of one sign, too
    double error = std::fabs(value - want[i]);
    if (!std::isfinite(error)) error = INFINITY;  // a NaN equals nothing, and an infinity only itself
    largest = std::max(largest, error);
    if (std::isfinite(error) && error <= atol + rtol * std::fabs(want[i])) continue;
    if (error > worst) {
      worst = error;
      report = str(name, "[", i, "]: got ", value, ", must be ", want[i], " (max|want| ", most, ")");
    }
  }
  if (!report.empty()) problems_.push_back(report);
  const double relative = most > 0 ? largest / most : largest;
  if (relative > worst_error_) {
    worst_error_ = relative;
    worst_tensor_ = name;
  }
}

void Case::compare_integers(const std::string& name, const std::vector<std::int32_t>& got) {
  compared_.insert(name);
  const std::vector<std::int64_t> want = file_.integers(name);
  for (std::size_t i = 0; i < want.size(); ++i)
    if (i >= got.size() || got[i] != want[i]) {
      problems_.push_back(str(name, "[", i, "]: got ", i < got.size() ? got[i] : -1, ", must be ", want[i]));
      return;
    }
}

void Case::finish(Tape& tape, const std::vector<std::pair<std::string, Variable>>& outputs) {
  std::vector<std::pair<Variable, Tensor>> seeds;
  for (const auto& [name, output] : outputs) {
    compare("out." + name, output.value());
    const std::vector<float> cotangent = file_.floats("grad_out." + name);
    compared_.insert("grad_out." + name);
    seeds.emplace_back(output, Tensor::of(output.shape(), cotangent));
  }
  tape.backward(seeds);
  for (const auto& [name, input] : inputs_) {
    if (!file_.contains("grad_in." + name)) continue;
    const Tensor zero = Tensor::zeros(input.shape());
    compare("grad_in." + name, input.grad().defined() ? input.grad() : zero);
  }
}

std::vector<std::string> Case::problems() {
  for (const auto& [name, entry] : file_.entries())
    if (name.rfind("in.", 0) != 0 && !compared_.count(name)) problems_.push_back(name + ": was not compared");
  for (const auto& [name, entry] : file_.entries())
    if (std::string why = mistrust(name); !why.empty()) problems_.push_back("mistrusted: " + why);
  return problems_;
}

std::string Case::mistrust(const std::string& name) const {
  const bool expected =
      name.rfind("out.", 0) == 0 || name.rfind("grad_in.", 0) == 0 || name.rfind("grad_param.", 0) == 0;
  if (!expected || !SafetensorsFile::is_real(file_.entry(name).dtype)) return {};
  const std::vector<double> want = file_.doubles(name);
  const std::string why = testing::mistrust(want);
  if (why.empty() || file_.metadata().count("zeros")) return {};
  const bool all_zeros = std::all_of(want.begin(), want.end(), [](double value) { return value == 0; });
  for (const RightZeros& right : right_zeros())
    if (right.op == attribute("op") && right.tensor == name && (right.when ? right.when(*this) : !all_zeros)) return {};
  return str(name, ": ", why);
}

namespace {

struct Found {
  std::filesystem::path path;
  bool folder;
};

std::vector<Found> cases_in(const std::filesystem::path& root) {
  std::vector<Found> found;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.is_directory() && std::filesystem::exists(entry.path() / "golden_io.safetensors"))
      found.push_back({entry.path(), true});
    if (entry.is_regular_file() && entry.path().extension() == ".safetensors") found.push_back({entry.path(), false});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
  return found;
}

std::set<std::string> skipped_ops() {
  std::set<std::string> ops;
  const char* const list = std::getenv("SEQTAPE_GOLDEN_SKIP");
  std::istringstream words(list ? list : "");
  for (std::string op; std::getline(words, op, ',');) ops.insert(op);
  return ops;
}

template <class Table>
auto find_op(const Table& table, const std::string& op) {
  const auto found = table.find(op);
  if (found == table.end()) throw DataError("unknown op " + op);
  return found->second;
}

int run() {
  const char* const chosen = std::getenv("SEQTAPE_GOLDEN_DIR");
  const std::filesystem::path root = chosen && *chosen ? chosen : SEQTAPE_SOURCE_DIR "/tests/golden";
  const std::set<std::string> skip = skipped_ops();
  const char* const wanted = std::getenv("SEQTAPE_GOLDEN_ERRORS");
  const bool errors = wanted && *wanted && std::string(wanted) != "0";
  int passed = 0, failed = 0, skipped = 0;
  for (const auto& [path, folder] : cases_in(root)) {
    const std::string name = path.filename().string();
    std::vector<std::string> problems;
    std::string error_text;
    bool skip_this = false;
    try {
      Case c(folder ? path / "golden_io.safetensors" : path);
      const std::string op = c.attribute("op");
      skip_this = skip.count(op) != 0;
      if (!skip_this) {
        if (folder)
          find_op(models(), op)(c, path);
        else
          find_op(ops(), op)(c);
        problems = c.problems();
        if (errors && c.worst_error() >= 0) error_text = str("  ", c.worst_error(), "  ", c.worst_tensor());
      }
    } catch (const std::exception& error) {
      problems.emplace_back(error.what());
    }
    std::cout << (skip_this ? "skip  " : problems.empty() ? "ok    " : "FAIL  ") << name << error_text << '\n';
    for (const std::string& problem : problems) std::cout << "      " << problem << '\n';
    ++(skip_this ? skipped : problems.empty() ? passed : failed);
  }
  std::cout << "golden: " << passed << " passed, " << failed << " failed, " << skipped << " skipped" << std::endl;
  return failed == 0 && passed + skipped > 0 ? 0 : 1;
}

}  // namespace
}  // namespace seqtape::golden

int main() {
  try {
    return seqtape::golden::run();
  } catch (const std::exception& error) {
    std::cerr << "golden: " << error.what() << '\n';
    return 1;
  }
}
