#include "apps/run_report/inputs.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr Index kMostSteps = 4096, kSymbols = 160, kLargestImage = 64;

std::string base64(const std::string& bytes) {
  static const char* const kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[three >> (18 - 6 * k) & 63];
  }
  return out;
}

/// An uncompressed bitmap of 24 bits a pixel, of greys in [0, 1], row by row from the top.
std::string bitmap(const std::vector<double>& greys, Index width) {
  const Index height = static_cast<Index>(greys.size()) / width, row = (3 * width + 3) / 4 * 4;
  std::string out = "BM";
  const auto number = [&](Index value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255);
  };
  number(54 + row * height, 4), number(0, 4), number(54, 4);
  number(40, 4), number(width, 4), number(height, 4), number(1, 2), number(24, 2), number(0, 24);
  for (Index y = height; y-- > 0;) {
    const std::size_t begin = out.size();
    for (Index x = 0; x < width; ++x)
      out.append(3, static_cast<char>(
                        std::lround(255 * std::clamp(greys[static_cast<std::size_t>(y * width + x)], 0.0, 1.0))));
    out.resize(begin + static_cast<std::size_t>(row));
  }
  return out;
}

/// The values of a feature as a line; of many steps the least and the greatest of each stretch.
std::string line_html(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double least = *low, range = *high > *low ? *high - *low : 1;
  const std::size_t stretches = std::min<std::size_t>(120, values.size());
  std::string points;
  for (std::size_t s = 0; s < stretches; ++s) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(s * values.size() / stretches);
    const auto end = values.begin() + static_cast<std::ptrdiff_t>((s + 1) * values.size() / stretches);
    const auto [a, b] = std::minmax_element(begin, end);
    for (const double value : a < b ? std::vector{*a, *b} : std::vector{*b, *a}) {
      points += format("%.4g,%.4g ", static_cast<double>(s), 23 - 22 * (value - least) / range);
      if (a == b) break;
    }
  }
  return format(
      "<svg class=\"input\" viewBox=\"0 0 %zu 24\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><polyline "
      "fill=\"none\" stroke=\"currentColor\" vector-effect=\"non-scaling-stroke\" points=\"%s\"/></svg>",
      std::max<std::size_t>(1, stretches - 1), points.c_str());
}

std::string text_html(const Task& task, const std::vector<std::int32_t>& tokens) {
  const std::vector<std::int32_t> some(tokens.begin(),
                                       tokens.begin() + std::min<std::ptrdiff_t>(std::ssize(tokens), kSymbols));
  std::string text;
  try {
    text = printable(task.decode(some));
  } catch (const ConfigError&) {  // they are not text
    for (const std::int32_t token : some) text += (text.empty() ? "" : " ") + task.symbol(token);
  }
  return "<span class=\"input\">" + escaped_html(text) + (some.size() < tokens.size() ? " …" : "") + "</span>";
}

std::string html_of(const Task& task, const TaskShape& shape, const Batch& batch, Index b) {
  const Index steps = batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
  const auto at = static_cast<std::size_t>(b * batch.length);
  if (!batch.tokens.empty() && !shape.image_width) {
    const auto from = batch.tokens.begin() + static_cast<std::ptrdiff_t>(at);
    return text_html(task, {from, from + steps});
  }
  if (steps == 0) return "";
  const std::size_t features =
      batch.tokens.empty() ? batch.values.size() / static_cast<std::size_t>(batch.batch * batch.length) : 1;
  std::vector<double> values;  // of the first feature
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t)
    values.push_back(batch.tokens.empty() ? static_cast<double>(batch.values[(at + t) * features])
                                          : batch.tokens[at + t] / 255.0);
  const Index width = shape.image_width;
  if (width == 0) return line_html(values);
  if (width > kLargestImage || steps % width != 0 || steps / width > kLargestImage) return "";
  return format("<img class=\"input\" alt=\"\" width=\"56\" height=\"56\" src=\"data:image/bmp;base64,%s\">",
                base64(bitmap(values, width)).c_str());
}

}  // namespace

std::map<Index, std::string> inputs_html(const Task& task, Split split, Index batch,
                                         const std::vector<Index>& sequences) {
  const TaskShape shape = task.shape();
  std::map<Index, std::string> found;
  Index first = 0;
  const auto pass = task.evaluation(split, {.batch = batch, .chunk = kMostSteps});
  for (Batch chunk; found.size() < sequences.size() && pass->next(chunk);) {
    if (chunk.first)
      for (const Index sequence : sequences)
        if (sequence >= first && sequence < first + chunk.batch)
          found[sequence] = html_of(task, shape, chunk, sequence - first);
    if (chunk.last) first += chunk.batch;
  }
  return found;
}

std::string place_text(const Task& task, Split split, Index sequence) {
  const std::string place = task.place(split, sequence);
  return place.empty() ? str(split_name(split), " sequence ", grouped(sequence)) : place;
}

TableCell input_cell(const Task& task, Split split, Index sequence, const std::map<Index, std::string>& inputs) {
  const std::string place = place_text(task, split, sequence);
  const auto input = inputs.find(sequence);
  return {.text = place,
          .html = escaped_html(place) + (input == inputs.end() ? "" : "<br>" + input->second),
          .heading = true};
}

}  // namespace seqtape
