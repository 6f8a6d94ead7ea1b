#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/files.h"
#include "data/readers/lines.h"

namespace seqtape {

namespace fs = std::filesystem;

/// A language model of bytes: they fit every language and script.
Proposal propose_text(const Paths& paths) {
  Proposal proposal;
  proposal.task = {{"name", "text"}, {"path", Json::array()}};
  LeftOut left_out;
  Index files = 0, bytes = 0;
  for (const fs::path& path : paths) {
    proposal.task["path"].push_back(path.string());
    for (const fs::path& file : files_under(path, left_out, "new text: ")) {
      const auto piece = unpacked_pieces(file);
      for (std::string more; piece(more);) bytes += static_cast<Index>(more.size());
      ++files;
    }
  }
  proposal.seen.push_back(str(grouped(files), files == 1 ? " file, " : " files, ", grouped(bytes), " bytes"));
  for (const std::string& note : left_out.notes()) proposal.seen.push_back(note);
  // A twentieth validates and a twentieth tests: each must hold a window and its last target.
  const Index length = std::min<Index>(256, bytes / 20 - 2);
  if (length < 16) throw DataError(str("new text: ", bytes, " bytes are too few, 360 are the least"));
  proposal.task.update({{"length", length}, {"train_fraction", 0.9}, {"test_fraction", 0.05}});
  return proposal;
}

Proposal propose_lines(const Paths&);

/// Texts with a class.
Proposal propose_documents(const Paths& paths) {
  const fs::path path = only_path(paths, "documents", "a folder or a file of lines");
  if (is_json_lines(path)) return propose_lines(paths);
  Proposal proposal;
  proposal.task = {{"name", "documents"}};
  const fs::path data = set_data_path(proposal.task, path);
  ClassCounts counts;
  if (fs::is_directory(data)) {
    LeftOut left_out;
    for (const auto& [file, label] : class_files(data, left_out, "new documents: "))
      counts.add(label, static_cast<Index>(read_unpacked(file).size()));
  } else {
    const std::string text = read_text(data);
    Index line = 1;
    for (std::size_t begin = 0, next = 0; begin < text.size(); begin = next, ++line) {
      const std::size_t end = line_end(text, begin, next), tab = text.find('\t', begin);
      if (end == begin) continue;
      if (tab == std::string::npos || tab > end)
        throw DataError(str(data.string(), ":", line, ": must be a class, a tab and a text"));
      counts.add(text.substr(begin, tab - begin), static_cast<Index>(end - tab - 1));
    }
  }
  counts.propose(proposal, data, "text", "bytes", 4096);
  return proposal;
}

}  // namespace seqtape
