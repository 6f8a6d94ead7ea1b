#include <charconv>
#include <optional>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/next_token_prediction.h"
#include "data/tokenizer/bpe.h"

namespace seqtape {
namespace {

/// The next token of another program's tokens: of text, by its tokenizer.json, or of files with the ids themselves,
/// whole numbers with blanks or line breaks between.
class TokenFiles final : public NextTokenPrediction {
 public:
  void fields(Fields& f) override {
    NextTokenPrediction::fields(f);
    f("vocab", vocab_, "ids are in [0, vocab)", between(2, kMostTokens));
    f("tokenizer", tokenizer_path_, "tokenizer.json (byte-level BPE) for text; empty: files and prompts are ids",
      same_data());
    f("end_token", end_token_, "the id that ends a text, for exports; -1: there is none", between(-1, kMostTokens - 1));
  }
  void prepare(std::uint64_t seed) override {
    if (end_token_ >= vocab_)
      throw ConfigError(str("task.end_token: must be < task.vocab ", vocab_, ", got ", end_token_));
    NextTokenPrediction::prepare(seed);
  }
  void resolve_paths(const std::filesystem::path& folder) override {
    NextTokenPrediction::resolve_paths(folder);
    if (tokenizer_path_.empty()) return;
    const std::filesystem::path given = tokenizer_path_, beside = folder / given.filename();
    // The tokenizer of an import is in its run folder, and is found there when the folder has been moved.
    std::error_code error;
    const bool moved =
        given.is_absolute() && !std::filesystem::exists(given, error) && std::filesystem::exists(beside, error);
    tokenizer_path_ = std::filesystem::absolute(moved ? beside : folder / given).lexically_normal().string();
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) {
      if (tokenizer_path_.empty())
        text += str(" ", token);
      else if (token < tokenizer().size())  // a vocabulary may be padded beyond its tokens
        text += tokenizer().bytes(token);
    }
    return text;
  }
  std::string tokenizer_file() const override { return tokenizer_path_; }
  bool writes_numbers() const override { return tokenizer_path_.empty(); }
  std::string token_meaning() const override {
    if (tokenizer_path_.empty()) return "";
    std::uint32_t crc = 0;
    for (std::int32_t id = 0; id < tokenizer().size(); ++id) crc = crc32_of(tokenizer().bytes(id) + '\0', crc);
    return format("those of a tokenizer.json of %d (checksum %08x)", tokenizer().size(), crc);
  }

 private:
  Index vocabulary() const override { return vocab_; }
  const char* unit() const override { return "token"; }
  std::vector<std::int32_t> tokens_of(const std::string& text, const std::string& where) const override {
    return ids_of(text, where);
  }
  std::int32_t end_token() const override { return static_cast<std::int32_t>(end_token_); }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    for (const std::int32_t id : ids_of(read_text(path), path.string())) tokens += static_cast<Tokens::value_type>(id);
  }
  const BpeTokenizer& tokenizer() const {
    if (!tokenizer_) tokenizer_ = BpeTokenizer::read(tokenizer_path_);
    return *tokenizer_;
  }
  std::vector<std::int32_t> ids_of(const std::string& text, const std::string& where) const {
    if (tokenizer_path_.empty()) return numbers(text, where);
    std::vector<std::int32_t> ids = tokenizer().encode(text);
    for (const std::int32_t id : ids)
      if (id >= vocab_)
        throw DataError(str(where, ": the tokenizer gives token ", id, ", beyond the model's ", vocab_));
    return ids;
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
                            printable({at, static_cast<std::size_t>(end - at)}, 12), "\""));
      ids.push_back(id);
      at = after;
    }
  }
  Index vocab_ = 256, end_token_ = -1;
  std::string tokenizer_path_;
  mutable std::optional<BpeTokenizer> tokenizer_;  // read when it is first needed
};

}  // namespace

std::unique_ptr<Task> make_tokens() { return std::make_unique<TokenFiles>(); }

}  // namespace seqtape
