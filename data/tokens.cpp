#include <charconv>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/windows.h"

namespace seqtape {
namespace {

/// The next token of files that hold token ids, as whole numbers with blanks or line breaks between: for what another
/// program's tokenizer has made of a text.
class TokenFiles final : public Windows {
 public:
  void fields(Fields& f) override {
    Windows::fields(f);
    f("vocab", vocab_, "ids are in [0, vocab)", between(2, 65536));
  }
  std::vector<std::int32_t> encode(const std::string& text) const override { return numbers(text, "--prompt"); }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) text += str(" ", token);
    return text;
  }

 private:
  Index vocabulary() const override { return vocab_; }
  const char* unit() const override { return "token"; }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    for (const std::int32_t id : numbers(read_file(path), path.string())) tokens += static_cast<Tokens::value_type>(id);
  }
  std::vector<std::int32_t> numbers(const std::string& text, const std::string& where) const {
    std::vector<std::int32_t> ids;
    const char *at = text.data(), *const end = at + text.size();
    for (;;) {
      while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r' || *at == ',')) ++at;
      if (at == end) return ids;
      std::int32_t id = 0;
      const auto [after, problem] = std::from_chars(at, end, id);
      if (problem != std::errc() || id < 0 || id >= vocab_)
        throw DataError(str(where, ": number ", ids.size() + 1, ": must be a token in [0, ", vocab_, "), got \"",
                            std::string(at, std::min<std::size_t>(12, static_cast<std::size_t>(end - at))), "\""));
      ids.push_back(id);
      at = after;
    }
  }
  Index vocab_ = 256;
};

}  // namespace

std::unique_ptr<Task> make_tokens() { return std::make_unique<TokenFiles>(); }

}  // namespace seqtape
