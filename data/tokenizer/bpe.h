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

  /// The ids of the text. Added tokens such as <|endoftext|> are recognised in it; none is put before or after it, as a
  /// post_processor would. Bytes that are not UTF-8 are pieces of their own, so any bytes can be encoded. Throws
  /// DataError when the vocabulary has neither a token for a byte nor an unk_token, or when matching the file's own
  /// pattern exceeds its limits.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// The bytes of a token; those of consecutive ids, joined, are the text. Added tokens give their text, unused ids "".
  /// Throws DataError for an id outside [0, size()).
  const std::string& bytes(std::int32_t id) const;
  /// The number of ids, used or not.
  std::int32_t size() const;

 private:
  struct Parts;
  explicit BpeTokenizer(std::shared_ptr<const Parts>);
  std::shared_ptr<const Parts> parts_;
};

}  // namespace seqtape
