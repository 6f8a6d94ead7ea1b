#pragma once
// Texts of other languages (HTML, C) lie in files of their own, which the program carries (cmake/embed.cmake). What
// makes one text of them: a file has parts, and a part has slots.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seqtape {

/// What goes into the slots of a text, by their names.
using Slots = std::vector<std::pair<std::string_view, std::string>>;

/// The text with its slots filled: {{name}}, or /*{{name}}*/ where that must be a comment of C. A slot that stands
/// alone on its line is replaced with lines, also with none; each of them has its line end. Throws std::logic_error
/// for a slot that has no value.
std::string filled(std::string_view text, const Slots& slots);

/// The parts of a text, in their order, each after the comment line that names it:
///
///     <!-- part: row -->
///     /* part: selective_scan; needs: silu, softplus */
///
/// Empty lines around a part are not of it. What is before the first is for readers alone.
class Parts {
 public:
  struct Part {
    std::string name;
    std::vector<std::string> needs;
    std::string_view text;  ///< without its last line end
  };
  explicit Parts(std::string_view text);

  const std::vector<Part>& all() const { return all_; }
  /// A part with its slots filled, without its last line end. Throws std::logic_error when there is none of that name.
  std::string part(std::string_view name, const Slots& slots = {}) const;
  /// The same with its line end.
  std::string lines(std::string_view name, const Slots& slots = {}) const { return part(name, slots) + "\n"; }

 private:
  std::vector<Part> all_;
};

}  // namespace seqtape
