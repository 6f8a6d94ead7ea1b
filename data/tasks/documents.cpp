#include "core/error.h"
#include "data/readers/files.h"
#include "data/readers/target.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// Classification of texts by their bytes: a folder with a folder for each class, or a file of lines "class<TAB>text",
/// or of lines of JSON, {"text": ..., "label": ..., "group": ...}.
class Documents final : public TokenClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    target_field(f, {"class", "labels", "numbers"});
    group_field(f);
    f("group_column", group_column_,
      "2: lines are class, tab, group, tab, text, and a group stays in one split; 0: they have no groups",
      between(0, 2));
  }

 private:
  std::string token_meaning() const override { return "bytes"; }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) text += static_cast<char>(token);
    return text;
  }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      if (!is_json_lines(path))
        return add(bytes_of(path, [this](const std::string& note) { wide_ = wide_.empty() ? note : wide_; }));
      not_read_ = each_json_line(path, kKeys, [&](const JsonLine& line) {
        // What one line is refused for leaves the others.
        add({.part = std::to_string(line.number), .next = [line, given = false](Steps& more) mutable {
               if (std::exchange(given, true)) return false;
               more = bytes_in(line.text("text"));
               return !more.tokens.empty();
             }});
      });
    };
    // Standard input has lines as the training's are.
    inputs.line = [json = is_json_lines(divided())](const std::string& line, const std::string& where) {
      return bytes_in(json ? json_line(line, where, 0, "text").text("text") : line);
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = SequenceClassification::signature();
    all.steps = Signature::Steps::bytes;
    all.unit = "byte";
    return all;
  }
  const char* path_doc() const override {
    return "folder with a folder of files for each class, or a TSV file: class, tab, text; or .jsonl: {\"text\": ..., "
           "\"label\": ...}; relative to the config";
  }
  static Steps bytes_in(const std::string& text) {
    Steps steps;
    for (const char byte : text) steps.tokens.push_back(static_cast<unsigned char>(byte));
    return steps;
  }
  SequenceShape reads() const override { return {.vocabulary = 256}; }

  std::vector<std::string> notes() const override {
    auto all = SequenceClassification::notes();
    for (const std::string& note : {wide_, not_read_})
      if (!note.empty()) all.push_back(note);
    return all;
  }

  void forget() override {
    TokenClassification::forget();
    wide_ = not_read_ = "";
  }

  void load() override {
    if (!std::filesystem::exists(path())) throw DataError(str(key(), path(), " does not exist"));
    if (is_json_lines(path())) return load_json_lines();
    if (target() != TargetKind::one_class)
      throw ConfigError(str("task.target: other answers than a class are of lines of JSON, ", path(), " is none"));
    if (!std::filesystem::is_directory(path())) return load_lines();
    if (group_column_ && !evaluates())
      throw ConfigError(str("task.group_column: is of lines, ", path(), " is a folder; task.group"));
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      std::string bytes = read_unpacked(file);
      if (wide_.empty()) wide_ = wide_note(bytes, file);
      add(bytes.erase(0, after_byte_order_mark(bytes)), label, file.string());
    });
  }

  void load_lines() {
    if (grouped_by_file() && !evaluates())
      throw ConfigError(str("task.group: is of files in folders, ", path(), " is one of lines; task.group_column"));
    if (group_column_ == 1) throw ConfigError("task.group_column: must be 2, or 0 for none; 1 is the class");
    const std::string text = read_text(path());
    Index line = 1;
    for (std::size_t begin = 0, next = 0; begin < text.size(); begin = next, ++line) {
      const std::size_t end = line_end(text, begin, next), tab = text.find('\t', begin);
      if (end == begin) continue;
      const std::string where = str(path(), ":", line);
      if (tab == std::string::npos || tab > end) throw DataError(str(where, ": must be a class, a tab and a text"));
      std::size_t last = tab;
      if (group_column_) {
        last = text.find('\t', tab + 1);
        if (last == std::string::npos || last > end || last == tab + 1)
          throw DataError(str(where, ": must be a class, a tab, a group, a tab and a text"));
        in_group(text.substr(tab + 1, last - tab - 1));
      }
      add(text.substr(last + 1, end - last - 1), text.substr(begin, tab - begin), where);
    }
  }

  void load_json_lines() {
    for (const auto& [key, given] :
         {std::pair("group", grouped_by_file()), std::pair("group_column", group_column_ > 0)})
      if (given && !evaluates())
        throw ConfigError(str("task.", key, ": lines of JSON name their group themselves, as \"group\""));
    not_read_ = each_json_line(path(), kKeys, [this](const JsonLine& line) {
      in_group(line.group());
      add(line.text("text"), target_of(line, target()), line.where);
    });
  }

  inline static const std::vector<std::string> kKeys{"text", "label", "group"};
  Index group_column_ = 0;
  std::string wide_, not_read_;  // notes
};

}  // namespace

std::unique_ptr<Task> make_documents() { return std::make_unique<Documents>(); }

}  // namespace seqtape
