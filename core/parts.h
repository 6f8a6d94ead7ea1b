#pragma once
// Templates. HTML and C are in files of their own, which are embedded in the program (cmake/embed.cmake). Such a file
// has named parts, and a part has slots for text.

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seqtape {

/// The text for each slot, by name.
using Slots = std::vector<std::pair<std::string_view, std::string>>;

/// The text with its slots filled: {{name}}, or /*{{name}}*/ where it must be a C comment. A slot alone on its line is
/// replaced by any number of lines, also none, each with its line end. Throws std::logic_error for a slot without a
/// value.
std::string filled(std::string_view text, const Slots& slots);

/// The parts of a text, in order, each after the comment line that names it:
///
///     <!-- part: row -->
///     /* part: selective_scan; needs: silu, softplus */
///
/// Empty lines around a part do not belong to it. Text before the first part is ignored.
class Parts {
 public:
  struct Part {
    std::string name;
    std::vector<std::string> needs;
    std::string_view text;  ///< without its last line end
  };
  explicit Parts(std::string_view text);

  const std::vector<Part>& all() const { return all_; }
  /// A part with its slots filled, without its last line end. Throws std::logic_error for an unknown name.
  std::string part(std::string_view name, const Slots& slots = {}) const;
  /// The same with its line end.
  std::string lines(std::string_view name, const Slots& slots = {}) const { return part(name, slots) + "\n"; }
  /// These parts and those that they need, in the order of the text, each behind an empty line. Throws std::logic_error
  /// for an unknown name.
  std::string with_needs(std::set<std::string> names) const;

 private:
  std::vector<Part> all_;
};

}  // namespace seqtape
