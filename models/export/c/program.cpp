// The C program of a model: program.c, with the step (step.h) in it, and a `main` that generates or predicts.
#include "core/error.h"
#include "core/io/file.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/models/export/c/program.c.h"
#include "models/export/c/step.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

constexpr Index kContext = 4096;  // steps that a cache holds, unless the program is compiled with another -DCONTEXT

std::string program(const SequenceModel& model, const CProgram& about, const CStep& step) {
  const Parts parts(embedded::program_c);
  const SequenceShape& shape = model.shape();
  const bool ends = step.grows() || step.most_steps() > 0;
  const Index most = step.most_steps() > 0 ? std::min(step.most_steps(), kContext) : kContext;
  const std::string limit = step.most_steps() > 0 ? str("; no more than ", step.most_steps()) : "";
  std::string reset;
  for (const std::string& state : step.states()) reset += str("  memset(", state, ", 0, sizeof ", state, ");\n");
  return parts.lines(
      "program",
      {{"title", about.title},
       {"architecture", about.architecture},
       {"arguments", about.generates ? about.bytes ? "\"In the beginning\" 200" : "\"1 2 3\" 200" : "< SEQUENCE"},
       {"vocabulary", str(shape.vocabulary)},
       {"features", str(shape.features)},
       {"outputs", str(shape.outputs)},
       {"pooled", shape.pooled ? "1" : "0"},
       {"bytes", about.bytes ? "1" : "0"},
       {"context", ends ? parts.lines("context", {{"steps", str(most)}, {"limit", limit}}) : ""},
       {"declarations", step.declarations()},
       {"reset", reset},
       {"functions", c_functions(step.functions())},
       {"input", shape.vocabulary ? "int token," : "const float *input,"},
       {"step", step.body(ends ? parts.lines("end") : "")},  // declarations come first in a C block
       {"main", parts.lines(about.generates ? "generate" : "answer")}});
}

}  // namespace

void write_c_program(SequenceModel& model, const CProgram& about, const std::filesystem::path& folder) {
  if (!model.streams())
    throw ConfigError("c: needs a model that can run in steps; this one looks at later steps of the sequence");
  const TracedPass one(model, true, {1, 1, 7}), two(model, true, {1, 1, 11});
  const CStep step(model, one, two), again(model, two, one);
  const std::string text = program(model, about, step);
  if (text != program(model, about, again))
    throw ConfigError("c: a step of this model depends on the steps before in a way that is not supported");
  std::filesystem::create_directories(folder);
  write_file(folder / "model.c", text);
  FileWriter file(folder / "model.bin");
  for (const auto& [name, tensor] : step.weights())
    file.write({reinterpret_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.size()) * sizeof(float)});
  file.finish();
}

}  // namespace seqtape
