#include "data/readers/arrays.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/readers/files.h"
#include "data/readers/lines.h"
#include "data/readers/npy.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

constexpr double kMostSquared = 1e150;  // its square must be a number

/// What makes numbers and text of an array of Python objects: `line` of Python, where {file} loads the file, {plain}
/// names a new one without an ending, and {padded} is X as numbers, each sequence filled up to the longest.
std::string plain_by(const fs::path& path, std::string line) {
  const auto put = [&line](std::string_view slot, const std::string& text) {
    for (std::size_t at; (at = line.find(slot)) != std::string::npos;) line.replace(at, slot.size(), text);
  };
  put("{padded}",
      "numpy.stack([numpy.pad(x, [(0, max(n) - len(x))] + [(0, 0)] * (numpy.ndim(x) - 1)) for x in X]).astype(float)");
  put("{file}", str("numpy.load(\"", path.string(), "\", allow_pickle=True)"));
  put("{plain}", fs::path(path).replace_extension("").string() + "-plain");
  return "where you trust the file, this line of Python makes one that is: import numpy; " + line;
}

/// [cases] of something that goes with X. Throws DataError for another shape.
void require_cases(const NpyArray& array, const NpyArray& x) {
  const Index cases = x.shape()[0];
  if (array.shape() == std::vector<Index>{cases}) return;
  const bool more = array.rank() == 2 && array.shape()[0] == cases;
  throw DataError(str(array.where(), ": is ", array.described(), ", must be of (", cases, ",), one for each of X, ",
                      x.described(),
                      !more                   ? ""
                      : array.shape()[1] == 1 ? "; .ravel() is"
                                              : "; of rows with a 1 at the class, .argmax(1) is"));
}

std::vector<std::string> names_in(NpyArray array, const NpyArray& x) {
  require_cases(array, x);
  if (!array.holds_text() && !array.holds_whole_numbers())
    throw DataError(str(array.where(), ": is ", array.described(),
                        ", must be text or whole numbers, which name classes; .astype(int) is"));
  std::vector<std::string> all = array.texts(x.shape()[0]);
  array.finish();
  for (std::size_t i = 0; i < all.size(); ++i)  // after `finish`, which reads the checksum
    if (all[i].empty()) throw DataError(str(array.where(), "[", i, "]: is empty, must be a name"));
  return all;
}

/// Steps of each sequence.
std::vector<Index> lengths_in(NpyArray array, const NpyArray& x) {
  require_cases(array, x);
  if (!array.holds_whole_numbers())
    throw DataError(str(array.where(), ": is ", array.described(), ", must be whole numbers; .astype(int) is"));
  const std::vector<double> lengths = array.numbers(x.shape()[0]);
  array.finish();
  std::vector<Index> all;
  for (const double length : lengths) {
    if (length < 0 || length > static_cast<double>(x.shape()[1]))
      throw DataError(str(array.where(), "[", all.size(), "]: is ", length, ", must be 0 to ", x.shape()[1],
                          ", the steps of X, ", x.described()));
    all.push_back(static_cast<Index>(length));
  }
  return all;
}

void require_numbers(const NpyArray& x) {
  if (x.holds_text()) throw DataError(str(x.where(), ": is ", x.described(), ", must be numbers"));
  if (x.rank() != 2 && x.rank() != 3)
    throw DataError(str(x.where(), ": is ", x.described(), ", must be of (cases, steps, channels) or (cases, steps)",
                        x.rank() > 3 ? "; X.reshape(*X.shape[:2], -1) is" : ""));
  if (std::count(x.shape().begin(), x.shape().end(), 0))
    throw DataError(str(x.where(), ": is ", x.described(), ": holds nothing"));
}

/// What goes with X, each of them empty where there is none.
struct Beside {
  std::optional<TargetArray> targets{};
  std::vector<std::string> groups{};
  std::vector<Index> lengths{};
};

void read_cases(const fs::path& path, NpyArray x, Beside beside, const std::function<void(ArraySequence)>& take) {
  const Index cases = x.shape()[0], steps = x.shape()[1], channels = x.rank() == 3 ? x.shape()[2] : 1;
  bool checked = false;
  for (Index i = 0; i < cases; ++i) {
    const auto at = static_cast<std::size_t>(i);
    ArraySequence one{.values = x.numbers(steps * channels), .channels = channels, .part = std::to_string(i)};
    if (!beside.lengths.empty()) one.values.resize(static_cast<std::size_t>(beside.lengths[at] * channels));
    one.where = str(path.string(), ":", i);
    one.in_floats = x.in_floats();
    if (beside.targets) one.target = beside.targets->next(static_cast<Index>(one.values.size()) / channels);
    if (!beside.groups.empty()) one.group = beside.groups[at];
    const auto bad = std::find_if(one.values.begin(), one.values.end(),
                                  [](double value) { return !(std::fabs(value) <= kMostSquared); });
    if (bad != one.values.end()) {
      if (!std::exchange(checked, true)) x.check();
      const auto k = static_cast<Index>(bad - one.values.begin());
      one.problem =
          str(one.where, ": X[", i, ", ", k / channels, x.rank() == 3 ? str(", ", k % channels) : "", "] is ", *bad,
              std::isfinite(*bad) ? ", which is too large"
                                  : "; fill what is missing, or give the steps before it in lengths");
    }
    take(std::move(one));
  }
  x.finish();
  if (beside.targets) beside.targets->finish();
}

void read_npz(const fs::path& path, std::optional<TargetKind> asked, const std::function<void(ArraySequence)>& take) {
  const NpzFile file(path);
  const std::vector<std::string> known{"X", "y", "lengths", "groups"};
  std::vector<std::string> names;
  for (const std::string& name : file.names()) names.push_back(printable(name, 40));
  for (const char* name : {"X", "y"})
    if (!file.has(name) && (asked || *name == 'X'))
      throw DataError(str(path.string(), ": has no ", name, "; its arrays are ", join(names, ", "),
                          "; numpy.savez(\"new.npz\", X=..., y=...) names them"));
  for (const std::string& name : file.names())
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw DataError(str(path.string(), ": has ", join(names, ", "), ", of which ", printable(name, 40),
                          " is not read", suggestion(name, known)));
  const auto as_text = [&](const std::string& name) {
    return plain_by(path, str("d = dict({file}); d[\"", name, "\"] = d[\"", name,
                              "\"].astype(str); numpy.savez(\"{plain}.npz\", **d)"));
  };
  NpyArray x = file.open("X", plain_by(path,
                                       "d = dict({file}); X = d[\"X\"]; n = [len(x) for x in X]; "
                                       "numpy.savez(\"{plain}.npz\", **dict(d, X={padded}, lengths=n))"));
  require_numbers(x);
  Beside beside;
  if (asked) beside.targets.emplace(file.open("y", as_text("y")), x, *asked);
  if (asked && file.has("groups")) beside.groups = names_in(file.open("groups", as_text("groups")), x);
  if (file.has("lengths")) beside.lengths = lengths_in(file.open("lengths"), x);
  read_cases(path, std::move(x), std::move(beside), take);
}

/// The file of y that goes with one of X; "": there is none.
fs::path targets_beside(const fs::path& path, const fs::path& labels) {
  std::string name = path.filename().string();
  const std::size_t at = name.rfind('X');
  if (!labels.empty() || at == std::string::npos) return labels;
  return fs::path(path).replace_filename(name.replace(at, 1, "y"));
}

void read_npy(const fs::path& path, std::optional<TargetKind> asked, const fs::path& labels,
              const std::function<void(ArraySequence)>& take) {
  const fs::path y = targets_beside(path, labels);
  NpyArray x = open_npy(
      path, plain_by(path, str("X = {file}; n = [len(x) for x in X]; numpy.savez(\"{plain}.npz\", X={padded}, ",
                               "lengths=n, y=numpy.load(\"", y.empty() ? "y.npy" : y.string(), "\"))")));
  require_numbers(x);
  Beside beside;
  if (asked && !fs::exists(y))
    throw DataError(str(path.string(), ": its classes are not beside it", y.empty() ? "" : " in " + y.string(),
                        "; task.labels names their file, or an .npz has both: numpy.savez(\"new.npz\", X=X, y=y)"));
  if (asked)
    beside.targets.emplace(open_npy(y, plain_by(y, "numpy.save(\"{plain}.npy\", {file}.astype(str))")), x, *asked);
  read_cases(path, std::move(x), std::move(beside), take);
}

/// The numbers of a line. Throws DataError.
void read_values(const JsonLine& line, ArraySequence& one) {
  const auto refuse = [&](const std::string& place, const Json& value, const char* wanted) {
    throw DataError(str(line.where, ": ", place, " must be ", wanted, ", is ",
                        value.is_primitive() && !value.is_null() ? printable(value.dump(), 60) : value.type_name(),
                        value.is_null() ? "; fill or leave out what is missing" : ""));
  };
  const Json& steps = line.at("values");
  if (!steps.is_array()) refuse("\"values\"", steps, "a list of numbers, or of lists of numbers");
  const auto put = [&](const Json& value, const std::string& place) {
    if (!value.is_number()) refuse(place, value, "a number");
    one.values.push_back(value.get<double>());
    if (value.is_number_integer() && !(std::fabs(one.values.back()) < 0x1p53))
      refuse(place, value, "below 2^53, where 64-bit floats hold every whole number");
    if (!(std::fabs(one.values.back()) <= kMostSquared)) refuse(place, value, "at most 1e150");
  };
  const bool lists = !steps.empty() && steps[0].is_array();
  if (lists) one.channels = static_cast<Index>(steps[0].size());
  if (one.channels == 0) refuse("values[0]", steps[0], "a list of one number or more");
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const std::string place = str("values[", t, "]");
    if (!lists) {
      put(steps[t], place);
      continue;
    }
    if (!steps[t].is_array()) refuse(place, steps[t], "a list as values[0] is");
    if (static_cast<Index>(steps[t].size()) != one.channels)
      throw DataError(str(line.where, ": ", place, " has ", steps[t].size(), " numbers, values[0] has ", one.channels));
    for (std::size_t c = 0; c < steps[t].size(); ++c) put(steps[t][c], str(place, "[", c, "]"));
  }
}

std::string read_value_lines(const fs::path& path, std::optional<TargetKind> asked,
                             const std::function<void(ArraySequence)>& take) {
  Index channels = 0;
  return each_json_line(path, {"values", "label", "group"}, [&](const JsonLine& line) {
    ArraySequence one{.part = std::to_string(line.number), .where = line.where};
    try {
      if (!line.has("values") && line.has("text"))
        throw DataError(str(line.where, ": has \"text\", not \"values\"; texts are for the task documents"));
      if (asked) one.target = target_of(line, *asked), one.group = line.group();
      read_values(line, one);
      if (asked) require_steps(one.target, *asked, static_cast<Index>(one.values.size()) / one.channels, line.where);
      if (asked && channels > 0 && !one.values.empty() && one.channels != channels)
        throw DataError(str(line.where, ": has ", one.channels, " numbers a step, the lines before have ", channels));
      if (!one.values.empty()) channels = one.channels;
    } catch (const DataError& problem) {
      one.problem = problem.what();
    }
    take(std::move(one));
  });
}

}  // namespace

std::string read_arrays(const fs::path& path, std::optional<TargetKind> asked, const fs::path& labels,
                        const std::function<void(ArraySequence)>& take) {
  if (path == "-") return read_value_lines(path, asked, take);
  char head[2] = {};
  if (FileReader(path).read(0, head, 2) == 2 && head[0] == 'P' && head[1] == 'K')
    return read_npz(path, asked, take), "";
  std::string piece;
  unpacked_pieces(path)(piece);
  if (piece.starts_with("\x93NUMPY")) return read_npy(path, asked, labels, take), "";
  const std::size_t begin = piece.find_first_not_of(" \t\r\n", after_byte_order_mark(piece));
  if (is_json_lines(path) || (begin != std::string::npos && piece[begin] == '{'))
    return read_value_lines(path, asked, take);
  throw DataError(
      str(path.string(),
          piece.empty()               ? ": is empty"
          : piece.starts_with("\x80") ? ": is a pickle"
                                      : "",
          ": must be NumPy's .npz or .npy, or lines of JSON; in Python, numpy.savez(\"new.npz\", X=X, y=y) ",
          "writes an .npz"));
}

TargetKind recognised_target(const fs::path& path, const fs::path& labels) {
  if (!is_numpy(path)) {
    LineKinds kinds;
    each_json_line(path, {"values"}, [&](const JsonLine& line) {
      const bool values = line.has("values") && line.at("values").is_array();
      kinds.see(line, values ? static_cast<Index>(line.at("values").size()) : 0);
    });
    return kinds.kind();
  }
  char head[1] = {};
  FileReader(path).read(0, head, 1);
  const auto of = [](const NpyArray& x, NpyArray y) {
    return recognised_kind(std::move(y), x.rank() > 1 ? x.shape()[1] : 1);
  };
  if (head[0] == 'P') {
    const NpzFile file(path);
    if (!file.has("X") || !file.has("y")) return TargetKind::one_class;  // reading it tells what is missing
    return of(file.open("X"), file.open("y"));
  }
  const fs::path y = targets_beside(path, labels);
  return fs::exists(y) ? of(open_npy(path), open_npy(y)) : TargetKind::one_class;
}

bool is_numpy(const fs::path& path) {
  std::string piece;
  char head[2] = {};
  if (FileReader(path).read(0, head, 2) == 2 && head[0] == 'P' && head[1] == 'K') return true;
  unpacked_pieces(path)(piece);
  return piece.starts_with("\x93NUMPY");
}

bool is_flat_npy(const fs::path& path) {
  char head[1] = {};
  return is_numpy(path) && FileReader(path).read(0, head, 1) == 1 && head[0] != 'P' && open_npy(path).rank() == 1;
}

}  // namespace seqtape
