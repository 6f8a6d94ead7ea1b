#pragma once
// What is answered about a sequence, as files say it: a class, labels, numbers, of all of it or of each step.

#include <string>
#include <vector>

#include "data/readers/lines.h"
#include "data/readers/npy.h"

namespace seqtape {

enum class TargetKind {
  one_class,        ///< a class
  labels,           ///< of several labels those that apply
  numbers,          ///< a number or several
  class_per_step,   ///< a class at each step
  numbers_per_step  ///< a number or several at each step
};

/// The names of the kinds, as task.target has them, in the order of the enumeration.
const std::vector<std::string>& target_kinds();
/// The kind of such a name.
TargetKind target_kind(const std::string& name);
constexpr bool per_step(TargetKind kind) {
  return kind == TargetKind::class_per_step || kind == TargetKind::numbers_per_step;
}
constexpr bool of_numbers(TargetKind kind) {
  return kind == TargetKind::numbers || kind == TargetKind::numbers_per_step;
}

/// The answer to one sequence.
struct Target {
  Target() = default;
  Target(std::string label) : names{std::move(label)} {}  // NOLINT: a class is its name

  std::vector<std::string> names{};  ///< a class; labels, each once; or a class a step
  std::vector<double> numbers{};     ///< [numbers], or [steps, numbers]
  Index width = 0;                   ///< how many numbers (a step); of labels: 0, or columns that are "0", "1", ...
};

/// The answers of an array y beside X, a case after the other.
class TargetArray {
 public:
  /// class            y [cases], text or whole numbers
  /// labels           y [cases, labels] of 0 and 1
  /// numbers          y [cases] or [cases, numbers]
  /// class_per_step   y [cases, steps], text or whole numbers
  /// numbers_per_step y [cases, steps] or [cases, steps, numbers]
  /// Throws DataError for another type or shape.
  TargetArray(NpyArray y, const NpyArray& x, TargetKind);
  /// The answer to the next case, of which X has `steps`. Throws DataError for a value that is none, by its place.
  Target next(Index steps);
  void finish() { y_.finish(); }

 private:
  [[noreturn]] void refuse(Index entry, const std::string& is, const char* rule) const;
  NpyArray y_;
  TargetKind kind_;
  Index case_ = 0, row_ = 1, width_ = 1;  // entries of y a case, and a step
};

/// The answer of a line, its "label":
/// class a name; labels a list of names; numbers a number or a list; class_per_step a list of names; numbers_per_step a
/// list of numbers, or of lists. Throws DataError.
Target target_of(const JsonLine&, TargetKind);

/// Throws DataError unless the answer has an entry for each of so many steps.
void require_steps(const Target&, TargetKind, Index steps, const std::string& where);

/// The kind that an array or the lines of a file look like, for `new`; `steps`: of X.
TargetKind recognised_kind(NpyArray y, Index steps);
/// The same of lines, in order.
class LineKinds {
 public:
  /// `steps`: of the line's values; 0: it is a text.
  void see(const JsonLine&, Index steps);
  TargetKind kind() const;

 private:
  Index lines_ = 0;
  bool lists_ = false, names_ = false, fractions_ = false, nested_ = false, all_steps_ = true;
};

}  // namespace seqtape
