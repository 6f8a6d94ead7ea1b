#include "core/parts.h"

#include <algorithm>
#include <stdexcept>

#include "core/error.h"

namespace seqtape {
namespace {

/// The content of a comment line that names a part, "NAME" or "NAME; needs: A, B"; otherwise nothing.
std::string_view heading(std::string_view line) {
  constexpr std::pair<std::string_view, std::string_view> kComments[] = {{"<!-- part: ", " -->"}, {"/* part: ", " */"}};
  for (const auto& [opening, closing] : kComments)
    if (line.starts_with(opening) && line.ends_with(closing))
      return line.substr(opening.size(), line.size() - opening.size() - closing.size());
  return {};
}

Parts::Part named(std::string_view heading) {
  constexpr std::string_view kNeeds = "; needs: ", kComma = ", ";
  const auto end = heading.find(kNeeds);
  Parts::Part part{std::string(heading.substr(0, end)), {}, {}};
  if (end == std::string_view::npos) return part;
  for (auto rest = heading.substr(end + kNeeds.size()); !rest.empty();) {
    const auto comma = rest.find(kComma);
    part.needs.emplace_back(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + kComma.size());
  }
  return part;
}

const std::string& value_of(std::string_view name, const Slots& slots) {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](const auto& slot) { return slot.first == name; });
  if (found == slots.end()) throw std::logic_error(str("a text's slot \"", name, "\" is not filled"));
  return found->second;
}

}  // namespace

std::string filled(std::string_view text, const Slots& slots) {
  constexpr std::string_view kOpening = "{{", kClosing = "}}", kComment = "/*", kCommentEnd = "*/";
  std::string out;
  std::size_t done = 0;
  while (true) {
    std::size_t begin = text.find(kOpening, done), end = text.find(kClosing, begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return out.append(text.substr(done));
    const std::size_t name = begin + kOpening.size();
    const std::string& value = value_of(text.substr(name, end - name), slots);
    end += kClosing.size();
    if (text.substr(0, begin).ends_with(kComment) && text.substr(end).starts_with(kCommentEnd)) {
      begin -= kComment.size();
      end += kCommentEnd.size();
    }
    const std::size_t indent = text.substr(0, begin).find_last_not_of(' ') + 1;  // npos + 1 is 0
    if ((indent == 0 || text[indent - 1] == '\n') && text.substr(end).starts_with('\n')) {
      begin = indent;
      ++end;
    }
    out.append(text.substr(done, begin - done)).append(value);
    done = end;
  }
}

Parts::Parts(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, text[end] == '\n' ? end : end + 1), name = heading(line);
    text.remove_prefix(end + 1);
    if (!name.empty())
      all_.push_back(named(name));
    else if (!all_.empty() && !line.empty()) {
      std::string_view& part = all_.back().text;
      const char* const begin = part.empty() ? line.data() : part.data();
      part = {begin, static_cast<std::size_t>(line.data() + line.size() - begin)};
    }
  }
}

std::string Parts::part(std::string_view name, const Slots& slots) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Part& part) { return part.name == name; });
  if (found == all_.end()) throw std::logic_error(str("a text has no part \"", name, "\""));
  // With its line end, so that a slot on the last line is one alone on its line like others.
  std::string out = filled(std::string(found->text) + "\n", slots);
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string Parts::with_needs(std::set<std::string> names) const {
  for (auto part = all_.rbegin(); part != all_.rend(); ++part)  // what is needed stands before
    if (names.contains(part->name)) names.insert(part->needs.begin(), part->needs.end());
  std::string text;
  for (const Part& part : all_)
    if (names.erase(part.name)) text += str("\n", part.text, "\n");
  if (!names.empty()) throw std::logic_error(str("there is no part \"", *names.begin(), "\""));
  return text;
}

}  // namespace seqtape
