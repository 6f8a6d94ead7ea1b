#pragma once
// Groups of files by their names: the recordings of one speaker.

#include <memory>
#include <string>

namespace seqtape {

/// A regular expression (PCRE2) that finds the name of a file's group in its path.
class GroupPattern {
 public:
  /// Throws ConfigError for an invalid expression.
  explicit GroupPattern(const std::string& pattern);
  ~GroupPattern();
  GroupPattern(GroupPattern&&) noexcept;
  GroupPattern& operator=(GroupPattern&&) noexcept;

  /// What the first pair of parentheses matches in `path`, or, without one, what all of it does. Throws DataError when
  /// it does not match; `file` is what the message names.
  std::string group_of(const std::string& path, const std::string& file) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace seqtape
