#include <algorithm>

#include "core/error.h"
#include "data/files.h"
#include "data/labelled.h"

namespace seqtape {
namespace {

/// Classification of texts by their bytes: a folder with a folder for each class, or a file of lines "class<TAB>text".
class Documents final : public Labelled {
 public:
  void fields(Fields& f) override {
    f("path", path_,
      "folder with a folder of files for each class, or a TSV file: class, tab, text; relative to the config",
      required());
    Labelled::fields(f);
  }
  void resolve_paths(const std::filesystem::path& base) override {
    if (path_.empty()) throw ConfigError("task.path: must name a file or folder, got \"\"");
    path_ = std::filesystem::absolute(base / path_).lexically_normal().string();
  }

 private:
  Index vocabulary() const override { return 256; }

  void load() override {
    namespace fs = std::filesystem;
    if (!fs::exists(path_)) throw DataError(str("task.path: ", path_, " does not exist"));
    if (!fs::is_directory(path_)) return load_lines();
    std::vector<fs::path> classes;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.is_directory()) classes.push_back(entry.path());
    std::sort(classes.begin(), classes.end());
    if (classes.empty()) throw DataError(str("task.path: ", path_, " holds no folders, one is needed for each class"));
    for (const fs::path& folder : classes)
      for (const fs::path& file : files_under(folder)) add(read_unpacked(file), folder.filename().string());
  }

  void load_lines() {
    const std::string text = read_unpacked(path_);
    Index line = 1;
    for (std::size_t begin = 0; begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', begin), text.size()), tab = text.find('\t', begin);
      if (tab == std::string::npos || tab > end)
        throw DataError(str(path_, ":", line, ": must be a class, a tab and a text"));
      const std::size_t last = end > tab + 1 && text[end - 1] == '\r' ? end - 1 : end;
      add(text.substr(tab + 1, last - tab - 1), text.substr(begin, tab - begin));
      begin = end + 1;
    }
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<Task> make_documents() { return std::make_unique<Documents>(); }

}  // namespace seqtape
