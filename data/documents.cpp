#include "core/error.h"
#include "data/files.h"
#include "data/labelled.h"

namespace seqtape {
namespace {

/// Classification of texts by their bytes: a folder with a folder for each class, or a file of lines "class<TAB>text".
class Documents final : public LabelledTokens {
  std::string token_meaning() const override { return "bytes"; }
  const char* path_doc() const override {
    return "folder with a folder of files for each class, or a TSV file: class, tab, text; relative to the config";
  }
  TaskShape reads() const override { return {.vocabulary = 256}; }

  void load_tokens() override {
    if (!std::filesystem::exists(path())) throw DataError(str("task.path: ", path(), " does not exist"));
    if (!std::filesystem::is_directory(path())) return load_lines();
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      add(read_unpacked(file), label, file.string());
    });
  }

  void load_lines() {
    const std::string text = read_unpacked(path());
    Index line = 1;
    for (std::size_t begin = after_byte_order_mark(text); begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', begin), text.size()), tab = text.find('\t', begin);
      const std::string where = str(path(), ":", line);
      if (tab == std::string::npos || tab > end) throw DataError(str(where, ": must be a class, a tab and a text"));
      const std::size_t last = end > tab + 1 && text[end - 1] == '\r' ? end - 1 : end;
      add(text.substr(tab + 1, last - tab - 1), text.substr(begin, tab - begin), where);
      begin = end + 1;
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_documents() { return std::make_unique<Documents>(); }

}  // namespace seqtape
