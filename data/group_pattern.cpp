#define PCRE2_CODE_UNIT_WIDTH 8
#include "data/group_pattern.h"

#include <pcre2.h>

#include <array>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

std::string pcre_message(int code) {
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(code, message.data(), message.size());
  return reinterpret_cast<const char*>(message.data());
}

}  // namespace

struct GroupPattern::Parts {
  std::string pattern;
  std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code{nullptr, pcre2_code_free};
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> found{nullptr, pcre2_match_data_free};
};

GroupPattern::GroupPattern(const std::string& pattern) : parts_(std::make_unique<Parts>()) {
  parts_->pattern = pattern;
  int error = 0;
  PCRE2_SIZE at = 0;
  // Bytes, not characters: a file's name may be any bytes.
  parts_->code.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), 0, &error, &at, nullptr));
  if (!parts_->code)
    throw ConfigError(str("task.group: must be a regular expression (PCRE2), got \"", printable(pattern),
                          "\": at byte ", at, ": ", pcre_message(error)));
  parts_->found.reset(pcre2_match_data_create_from_pattern(parts_->code.get(), nullptr));
}
GroupPattern::~GroupPattern() = default;
GroupPattern::GroupPattern(GroupPattern&&) noexcept = default;
GroupPattern& GroupPattern::operator=(GroupPattern&&) noexcept = default;

std::string GroupPattern::group_of(const std::string& path, const std::string& file) const {
  const int count = pcre2_match(parts_->code.get(), reinterpret_cast<PCRE2_SPTR>(path.data()), path.size(), 0, 0,
                                parts_->found.get(), nullptr);
  if (count < 0)
    throw DataError(str("task.group: ", printable(file), ": \"", printable(parts_->pattern),
                        "\" must match its path within the data, \"", printable(path), "\": ", pcre_message(count)));
  const PCRE2_SIZE* const range = pcre2_get_ovector_pointer(parts_->found.get());
  const PCRE2_SIZE* const named = count > 1 && range[2] != PCRE2_UNSET ? range + 2 : range;
  if (named[0] >= named[1])
    throw DataError(str("task.group: ", printable(file), ": \"", printable(parts_->pattern), "\" gives an empty name"));
  return path.substr(named[0], named[1] - named[0]);
}

}  // namespace seqtape
