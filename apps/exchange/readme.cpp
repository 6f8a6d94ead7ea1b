#include "apps/exchange/readme.h"

#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/exchange/readme.md.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

using Reads = Signature::Reads;

const Parts& parts() {
  static const Parts all(embedded::readme_md);
  return all;
}

/// "`a`, `b` and 3 more"
std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 12;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) shown.push_back("`" + names[i] + "`");
  return join(shown, ", ") + (names.size() > kShown ? str(" and ", names.size() - kShown, " more") : "");
}

std::vector<std::string> names_of(const std::vector<Signature::Column>& columns) {
  std::vector<std::string> names;
  for (const Signature::Column& column : columns) names.push_back(column.name);
  return names;
}

std::string reads_text(const Signature& s) {
  switch (s.reads) {
    case Reads::all:
      return "";
    case Reads::windows:
      return str(" It was trained on ", s.length, " at a time.");
    case Reads::first:
      return str(" Of more than ", s.length, " the first are read, as in training.");
    case Reads::at_most:
      return str(" There may be ", s.length, ".");
    case Reads::exactly:
      return str(" There must be ", s.length, ".");
    case Reads::last:
      break;
  }
  return str(" The answer follows the last ", s.length, ".");
}

std::string out_text(const Signature& s) {
  const std::string where = s.shape.pooled ? "" : " after each step";
  if (s.writes_text()) return str("how likely each of ", s.shape.outputs, " tokens is next");
  if (s.classifies() && s.labels.empty()) return str("one of ", s.shape.outputs, " classes", where);
  if (s.classifies()) return str("one of ", s.labels.size(), " labels", where, ": ", some(s.labels));
  if (s.answers_labels()) return str("which of ", s.labels.size(), " labels apply: ", some(s.labels));
  if (s.numbers.empty()) return str(s.shape.outputs, " numbers", where);
  if (!s.forecasts()) return str(some(names_of(s.numbers)), where, ", in the data's units");
  return str("the next ", s.horizon(), " steps of ", some(names_of(s.numbers)), ", in the data's units");
}

std::string terms(const Signature& s) {
  std::string in = s.in_words();
  if (s.steps == Signature::Steps::numbers && !s.columns.front().name.empty()) {
    in += " of " + some(names_of(s.columns));
    if (!s.calendar.empty()) in += ", behind the row's date";
    if (!s.fill.empty() || s.masks) in += "; a missing number is NaN";
  }
  return parts().lines("terms", {{"in", in}, {"reads", reads_text(s)}, {"out", out_text(s)}});
}

std::string page(const TrainedModel& trained, const ExportNames& names, const char* as, const std::string& use) {
  return parts().lines("page", {{"title", names.title},
                                {"architecture", trained.config.model.name},
                                {"as", as},
                                {"terms", terms(trained.signature())},
                                {"use", use}});
}

/// Lines of Python that make the graph's input from a sequence.
std::string python_input(const Signature& s) {
  const std::string cut = s.reads == Reads::first  ? str("[:", s.length, "]")
                          : s.reads == Reads::last ? str("[-", s.length, ":]")
                                                   : "";
  const std::string order = s.order.empty() ? "" : "[json.loads(about[\"order\"])]";
  switch (s.steps) {
    case Signature::Steps::bytes:
      return str("tokens = numpy.frombuffer(text.encode(), numpy.uint8).astype(numpy.int64)", cut, "[None]\n");
    case Signature::Steps::characters:
      return str("tokens_of = json.loads(about[\"characters\"])\ntokens = numpy.array([tokens_of",
                 s.other < 0 ? "[c]" : str(".get(c, ", s.other, ")"), " for c in text])", cut, "[None]\n");
    case Signature::Steps::ids:
      return str("tokens = numpy.array(ids)", order, cut, "[None]\n");
    case Signature::Steps::numbers:
      break;
  }
  const bool rows = s.shape.features > 1;
  std::string text = str("values = numpy.array(", rows ? "rows" : s.unit + "s", ", numpy.",
                         s.scales() ? "float64" : "float32", ")", order, rows ? "" : ".reshape(-1, 1)");
  if (s.unit_loudness)
    text += "\nloud = numpy.sqrt((values ** 2).mean())\nvalues = (values / loud if loud > 1e-6 else values)";
  return text + cut + "[None]\n";
}

std::string python_lines(const Signature& s) {
  const std::string answer = onnx_answer(s).empty() ? "logits" : onnx_answer(s),
                    input = s.shape.vocabulary ? "tokens" : "values";
  std::string text =
      python_input(s) + str(answer, " = session.run([\"", answer, "\"], {\"", input, "\": ", input, "})[0][0]\n");
  if (s.writes_text()) return text + "print(logits[-1].argmax())  # the next token\n";
  const std::string at = s.shape.pooled ? "" : "[-1]";
  if (s.answers_labels())
    return text + str("print([label for label, p in zip(json.loads(about[\"labels\"]), ", answer, ") if p > 0.5])\n");
  if (!s.classifies())
    return text + str("print(", answer, ")", s.forecasts() || !s.shape.pooled ? "  # [steps, numbers]" : "", "\n");
  return text + (s.labels.empty() ? str("print(", answer, at, ".argmax())\n")
                                  : str("print(json.loads(about[\"labels\"])[", answer, at, ".argmax()])\n"));
}

std::string c_call(const Signature& s) {
  if (s.writes_text() && (s.steps == Signature::Steps::bytes || s.steps == Signature::Steps::characters))
    return parts().lines("c text");
  if (!c_predicts(s)) return parts().lines("c step", {{"input", s.shape.vocabulary ? "token" : "values"}});
  const std::string input = !s.shape.vocabulary ? "rows" : s.steps == Signature::Steps::ids ? "tokens" : "text";
  if (!s.shape.pooled) return parts().lines("c steps", {{"input", input}});
  return parts().lines(s.answers_labels()  ? "c several labels"
                       : s.numbers.empty() ? "c labels"
                       : s.forecasts()     ? "c forecast"
                                           : "c numbers",
                       {{"input", input}});
}

}  // namespace

std::string c_readme(const TrainedModel& trained, const ExportNames& names) {
  const Signature signature = trained.signature();
  const std::string context = trained.model->bounded_state() ? "" : parts().part("c context");
  const std::string use =
      parts().lines("c", {{"call", c_call(signature)}, {"arguments", c_arguments(signature)}, {"context", context}});
  return page(trained, names, "as C99 that needs the C library alone", c_renamed(use, names.code));
}

std::string onnx_readme(const TrainedModel& trained, const ExportNames& names) {
  const Signature s = trained.signature();
  std::string takes = s.shape.vocabulary ? "`tokens`, int64 [batch, length]"
                                         : str("`values`, ", s.scales() ? "float64" : "float32", " [batch, length, ",
                                               s.shape.features, "]");
  if (s.shape.features > 1 && !s.columns.front().name.empty()) takes += ", which are " + some(names_of(s.features()));
  if (s.scales()) takes += ", in the data's units";
  const std::string answer = onnx_answer(s);
  const std::string use =
      parts().lines("onnx", {{"lines", python_lines(s)},
                             {"takes", takes},
                             {"stride", str(s.stride)},
                             {"pooled", s.shape.pooled ? ", `pooled` and `pooled_steps`" : ""},
                             {"shape", str("[batch, ", s.shape.pooled ? "" : "length, ", s.shape.outputs, "]")},
                             {"over", s.shape.pooled ? " after all steps so far" : ""},
                             {"answer", answer.empty() ? "" : str(" `", answer, "`, the answer,")}});
  return page(trained, names, "as two ONNX graphs", use);
}

std::string hf_readme(const TrainedModel& trained, const ExportNames& names) {
  const Task& task = *trained.config.task;
  const Signature s = task.signature();
  const bool text = s.writes_text() && (s.steps == Signature::Steps::bytes || !task.tokenizer_file().empty());
  std::string lines = parts().lines("hf answers");
  if (s.writes_text())
    lines = parts().lines(text              ? "hf text"
                          : s.texts.empty() ? "hf ids"
                                            : "hf characters",
                          {{"prompt", s.texts.empty() ? "" : s.texts.back()}});
  const std::string use = parts().part(
      "hf", {{"torch", text ? "" : "import torch\n"}, {"tokenizer", text ? ", AutoTokenizer" : ""}, {"lines", lines}});
  return page(trained, names, "for Hugging Face transformers", use);
}

std::string mamba_ssm_readme(const TrainedModel& trained, const ExportNames& names) {
  return page(trained, names, "for the authors' package mamba_ssm", parts().lines("mamba_ssm"));
}

}  // namespace seqtape
