#include "core/file.h"
#include "data/windows.h"

namespace seqtape {
namespace {

/// The next byte of files.
class Text final : public Windows {
 public:
  std::vector<std::int32_t> encode(const std::string& text) const override {
    std::vector<std::int32_t> tokens;
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    return tokens;
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) text += static_cast<char>(token);
    return text;
  }

 private:
  Index vocabulary() const override { return 256; }
  const char* unit() const override { return "byte"; }
  void read(const std::filesystem::path& path, std::string& tokens) const override { tokens += read_file(path); }
};

}  // namespace

std::unique_ptr<Task> make_text() { return std::make_unique<Text>(); }

}  // namespace seqtape
