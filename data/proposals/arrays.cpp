#include "data/readers/arrays.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/lines.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

/// Writes a file to train on and, of two, one to test.
void set_files(Proposal& proposal, const Paths& paths) {
  proposal.task.update({{"path", paths[0].string()}, {"validation_fraction", 0.2}});
  if (paths.size() == 2)
    proposal.task["test_path"] = paths[1].string();
  else
    proposal.task["test_fraction"] = 0.2;
}

/// Says what is answered, unless it is a class.
void set_target(Proposal& proposal, TargetKind target) {
  static const std::map<TargetKind, const char*> kSaid{{TargetKind::labels, "several labels at once"},
                                                       {TargetKind::numbers, "numbers"},
                                                       {TargetKind::class_per_step, "a class at each step"},
                                                       {TargetKind::numbers_per_step, "numbers at each step"}};
  if (target == TargetKind::one_class) return;
  const std::string& name = target_kinds()[static_cast<std::size_t>(target)];
  proposal.task["target"] = name;
  proposal.seen.push_back(str("answers: ", kSaid.at(target), " (task.target \"", name, "\")"));
}

void require_two(const Paths& paths, const char* kind) {
  if (paths.empty() || paths.size() > 2)
    throw ConfigError(str("new ", kind, ": takes a file to train on and one to test, got ",
                          counted(static_cast<Index>(paths.size()), "path")));
}

}  // namespace

/// Sequences of numbers, and of an .npy the one with its classes.
Proposal propose_arrays(const Paths& given) {
  Paths paths, labels;
  for (const fs::path& path : given) (is_flat_npy(path) ? labels : paths).push_back(path);
  if (paths.empty() && !labels.empty())
    throw ConfigError(str("new arrays: ", labels[0].string(), " holds classes alone; name the .npy of X before it"));
  require_two(paths, "arrays");
  if (labels.size() > 1)
    throw ConfigError("new arrays: got two files of classes; those of the file to test lie beside it, with y for X");
  Proposal proposal;
  proposal.task = {{"name", "arrays"}};
  set_files(proposal, paths);
  if (!labels.empty()) proposal.task["labels"] = labels[0].string();
  const TargetKind target = recognised_target(paths[0], labels.empty() ? fs::path() : labels[0]);
  set_target(proposal, target);
  for (const fs::path& path : paths) {
    ClassCounts counts;
    Index channels = 1;
    const std::string note = read_arrays(
        path, target, labels.empty() || &path != &paths[0] ? fs::path() : labels[0], [&](const ArraySequence& one) {
          if (!one.problem.empty()) throw DataError(one.problem);
          if (one.values.empty()) return;
          channels = one.channels;
          const Index steps = static_cast<Index>(one.values.size()) / channels;
          target == TargetKind::one_class ? counts.add(one.target.names[0], steps) : counts.add(steps);
        });
    if (!note.empty()) proposal.seen.push_back(note);
    if (&path != &paths[0]) {
      proposal.seen.push_back(counts.to_test("sequence"));
      continue;
    }
    if (target == TargetKind::one_class)
      counts.propose(proposal, path, "sequence", "steps", 1 << 16);
    else
      counts.propose_length(proposal, "sequence", "steps", 1 << 16);
    proposal.seen.push_back(channels == 1 ? "a number a step" : str(grouped(channels), " numbers a step"));
    proposal.task["normalise"] = true;
  }
  return proposal;
}

/// Lines of JSON: texts, or numbers.
Proposal propose_lines(const Paths& paths) {
  require_two(paths, "lines");
  for (const fs::path& path : paths)
    if (is_numpy(path))
      throw ConfigError(str("new lines: ", path.string(), " is NumPy's; seqtape new arrays takes it"));
  Proposal proposal;
  proposal.task = {{"name", "documents"}};
  set_files(proposal, paths);
  bool first = true, numbers = false;
  LineKinds kinds;
  each_json_line(paths[0], {"text"}, [&](const JsonLine& line) {
    numbers = numbers || (std::exchange(first, false) && !line.has("text") && line.has("values"));
    if (!numbers) line.text("text"), kinds.see(line, 0);
  });
  if (numbers) return propose_arrays(paths);
  set_target(proposal, kinds.kind());
  for (const fs::path& path : paths) {
    ClassCounts counts;
    const std::string note = each_json_line(path, {"text", "label", "group"}, [&](const JsonLine& line) {
      const std::string& text = line.text("text");
      const Target target = target_of(line, kinds.kind());
      if (text.empty()) return;
      kinds.kind() == TargetKind::one_class ? counts.add(target.names[0], static_cast<Index>(text.size()))
                                            : counts.add(static_cast<Index>(text.size()));
    });
    if (!note.empty()) proposal.seen.push_back(note);
    if (&path != &paths[0])
      proposal.seen.push_back(counts.to_test("text"));
    else if (kinds.kind() == TargetKind::one_class)
      counts.propose(proposal, path, "text", "bytes", 4096);
    else
      counts.propose_length(proposal, "text", "bytes", 4096);
  }
  return proposal;
}

}  // namespace seqtape
