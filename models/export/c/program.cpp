// The C files of a model: program.c with the step (step.h) and what its signature asks for (interface.h), and main.c.
#include <regex>

#include "core/error.h"
#include "core/io/file.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/models/export/c/program.c.h"
#include "models/export/c/interface.h"
#include "models/export/c/step.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

constexpr Index kContext = 4096;  // steps that a cache holds, unless the program is compiled with another -DCONTEXT

struct CFiles {
  std::string header, model, main;
  bool operator==(const CFiles&) const = default;
};

CFiles files_of(const SequenceModel& model, const CProgram& about, const CStep& step) {
  const Parts parts(embedded::program_c);
  const SequenceShape& shape = model.shape();
  const CInterface interface = c_interface(about.signature);
  const bool ends = step.grows() || step.most_steps() > 0;
  const Index most = step.most_steps() > 0 ? std::min(step.most_steps(), kContext) : kContext;
  const std::string limit = step.most_steps() > 0 ? str(", no more than ", step.most_steps()) : "";
  const std::string input = shape.vocabulary ? "int token," : "const float *input,";
  Index count = 0;
  for (const auto& [name, tensor] : step.weights()) count += tensor.size();
  const std::string main = c_main(about.signature);
  return {parts.lines("header",
                      {{"title", about.title},
                       {"architecture", about.architecture},
                       {"context", ends ? parts.lines("context", {{"steps", str(most)}, {"limit", limit}}) : ""},
                       {"sizes", interface.sizes},
                       {"weights", step.weight_members()},
                       {"states", step.state_members()},
                       {"memory", step.memory_members() + interface.memory},
                       {"step_input", shape.vocabulary ? "A token is in [0, MODEL_VOCABULARY)."
                                      : about.signature.stride == 1
                                          ? "A step is MODEL_FEATURES numbers, scaled as in training."
                                          : "A step is MODEL_FEATURES numbers, scaled as in training. The logits are "
                                            "those after each MODEL_STRIDE\n   steps; between, they are left as they "
                                            "are."},
                       {"input", input},
                       {"interface", interface.declarations}}),
          parts.lines("program", {{"title", about.title},
                                  {"architecture", about.architecture},
                                  {"arguments", c_arguments(about.signature)},
                                  {"vocabulary", str(shape.vocabulary)},
                                  {"features", str(shape.features)},
                                  {"outputs", str(shape.outputs)},
                                  {"pooled", shape.pooled ? "1" : "0"},
                                  {"bytes", about.signature.steps == Signature::Steps::bytes ? "1" : "0"},
                                  {"count", str(count)},
                                  {"reset", step.reset()},
                                  {"functions", c_functions(step.functions())},
                                  {"input", input},
                                  {"end", ends ? parts.lines("end") : ""},
                                  {"step", step.body()},
                                  {"data", interface.definitions}}),
          main};
}

}  // namespace

// What is public begins with "model_" and "MODEL_", or is the struct itself.
std::string c_renamed(const std::string& text, const std::string& name) {
  if (name == "model") return text;
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string out = std::regex_replace(text, std::regex("\\bmodel_"), name + "_");
  out = std::regex_replace(out, std::regex("\\bstruct model\\b"), "struct " + name);
  return std::regex_replace(out, std::regex("\\bMODEL_"), upper + "_");
}

void write_c_program(SequenceModel& model, const CProgram& about, const std::filesystem::path& folder) {
  refuse_unless_streaming(model, "c");
  if (!std::regex_match(about.name, std::regex("[A-Za-z][A-Za-z0-9_]*")))
    throw ConfigError(str("--name: must be a name of C (letters, digits and _), got \"", about.name, "\""));
  const TracedPass one(model, true, {1, 1, 7}), two(model, true, {1, 1, 11});
  const CStep step(model, one, two), again(model, two, one);
  const CFiles files = files_of(model, about, step);
  if (!(files == files_of(model, about, again)))
    throw ConfigError("c: a step of this model depends on the steps before in a way that is not supported");
  std::filesystem::create_directories(folder);
  write_file(folder / "model.h", c_renamed(files.header, about.name));
  write_file(folder / "model.c", c_renamed(files.model, about.name));
  write_file(folder / "main.c", c_renamed(files.main, about.name));
  FileWriter file(folder / "model.bin");
  for (const auto& [name, tensor] : step.weights())
    file.write({reinterpret_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.size()) * sizeof(float)});
  file.finish();
}

}  // namespace seqtape
