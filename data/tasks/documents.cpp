#include "core/error.h"
#include "data/readers/files.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// Classification of texts by their bytes: a folder with a folder for each class, or a file of lines "class<TAB>text".
class Documents final : public TokenClassification {
  std::string token_meaning() const override { return "bytes"; }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      add(bytes_of(path, [this](const std::string& note) { wide_ = wide_.empty() ? note : wide_; }));
    };
    inputs.line = [](const std::string& line, const std::string&) {
      Steps steps;
      for (const char byte : line) steps.tokens.push_back(static_cast<unsigned char>(byte));
      return steps;
    };
    return inputs;
  }
  const char* path_doc() const override {
    return "folder with a folder of files for each class, or a TSV file: class, tab, text; relative to the config";
  }
  SequenceShape reads() const override { return {.vocabulary = 256}; }

  std::vector<std::string> notes() const override {
    auto all = SequenceClassification::notes();
    if (!wide_.empty()) all.push_back(wide_);
    return all;
  }

  void load_tokens() override {
    wide_ = "";
    if (!std::filesystem::exists(path())) throw DataError(str("task.path: ", path(), " does not exist"));
    if (!std::filesystem::is_directory(path())) return load_lines();
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      std::string bytes = read_unpacked(file);
      if (wide_.empty()) wide_ = wide_note(bytes, file);
      add(bytes.erase(0, after_byte_order_mark(bytes)), label, file.string());
    });
  }

  void load_lines() {
    const std::string text = read_text(path());
    Index line = 1;
    for (std::size_t begin = 0, next = 0; begin < text.size(); begin = next, ++line) {
      const std::size_t end = line_end(text, begin, next), tab = text.find('\t', begin);
      if (end == begin) continue;
      const std::string where = str(path(), ":", line);
      if (tab == std::string::npos || tab > end) throw DataError(str(where, ": must be a class, a tab and a text"));
      add(text.substr(tab + 1, end - tab - 1), text.substr(begin, tab - begin), where);
    }
  }

  std::string wide_;  // a note
};
;

}  // namespace

std::unique_ptr<Task> make_documents() { return std::make_unique<Documents>(); }

}  // namespace seqtape
