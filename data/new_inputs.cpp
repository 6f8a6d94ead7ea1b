#include "data/new_inputs.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/files.h"

namespace seqtape {

NewInput NewInput::of(Steps steps, std::string part) {
  const auto kept = std::make_shared<Steps>(std::move(steps));
  return {.part = std::move(part), .next = [kept](Steps& more) {
            if (kept->tokens.empty() && kept->values.empty()) return false;
            more.tokens.insert(more.tokens.end(), kept->tokens.begin(), kept->tokens.end());
            more.values.insert(more.values.end(), kept->values.begin(), kept->values.end());
            *kept = {};
            return true;
          }};
}

NewInput bytes_of(const std::filesystem::path& path, const std::function<void(const std::string&)>& note) {
  auto pieces = unpacked_pieces(path);
  std::string head;
  pieces(head);
  if (const std::string wide = wide_note(head, path); !wide.empty()) note(wide);
  head.erase(0, after_byte_order_mark(head));
  return {"", [pieces, piece = std::move(head), first = true](Steps& more) mutable {
            if (!std::exchange(first, false) && !pieces(piece)) return false;
            for (const char byte : piece) more.tokens.push_back(static_cast<unsigned char>(byte));
            return true;
          }};
}

void refuse_unknown(Index unknown, Index all, const std::string& where, const char* steps, const char* rule) {
  if (10 * unknown > all) throw DataError(str(where, ": ", unknown, " of ", all, " ", steps, " are not ", rule));
}

void refuse_other_scale(std::span<const float> values, const std::string& where, double mean, double deviation) {
  double square = 0;
  for (const float value : values) square += static_cast<double>(value) * static_cast<double>(value);
  const double far = std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, values.size())));
  if (far > 20)
    throw DataError(str(where, ": lies ", format("%.3g", far), " deviations of the training (",
                        format("%.6g", deviation), ") from its mean (", format("%.6g", mean),
                        "), most may be 20; is it in other units?"));
}

}  // namespace seqtape
