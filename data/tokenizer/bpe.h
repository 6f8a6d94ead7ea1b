#pragma once
// Byte-level byte-pair encoding, read from the tokenizer.json that Hugging Face's tokenizers writes.
// Sources: Sennrich, Haddow, Birch 2016 (merging pairs); GPT-2's encoder.py (the alphabet of bytes, the pattern);
// tokenizers' ByteLevel, BPE and AddedVocabulary (the order of the steps).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace seqtape {

/// A byte-level BPE tokenizer, as tokenizer.json of Hugging Face describes it (GPT-2, GPT-NeoX). Copies share their
/// tables; several threads may use one.
class BpeTokenizer {
 public:
  /// Throws CheckpointError, naming the file and key, for what is unreadable or of another kind.
  static BpeTokenizer read(const std::filesystem::path&);

  /// The ids of the text, which added tokens such as <|endoftext|> are found in; nothing is put before or after, as
  /// a post_processor would. Bytes that are no UTF-8 are pieces of their own, so any bytes can be encoded. Throws
  /// DataError when the vocabulary has neither a token for a byte nor an unk_token, or when the file's own pattern
  /// takes too long.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// The bytes of a token; of ids in a row, joined, they are the text. Added tokens give their text, ids between that
  /// no token has give "". Throws DataError for an id outside.
  const std::string& bytes(std::int32_t id) const;
  /// Ids are below this.
  std::int32_t size() const;

 private:
  struct Parts;
  explicit BpeTokenizer(std::shared_ptr<const Parts>);
  std::shared_ptr<const Parts> parts_;
};

}  // namespace seqtape
