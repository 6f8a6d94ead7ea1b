#pragma once
// TensorBoard's event files: scalars only.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace seqtape {

/// Appends records to RUN/tensorboard/events.out.tfevents.SECONDS.HOST.PID, a new file for each process.
/// Source: TensorFlow's record_writer.cc (framing) and event.proto, summary.proto (content).
class EventFile {
 public:
  /// `step`: the last one done; what earlier files have beyond it is discarded by TensorBoard. Throws CheckpointError.
  EventFile(const std::filesystem::path& folder, std::int64_t step);
  /// Writes and flushes one value. Throws CheckpointError.
  void scalar(const std::string& tag, std::int64_t step, double value);

 private:
  void record(const std::string& event);
  std::filesystem::path path_;
  std::ofstream out_;
};

/// CRC-32C (Castagnoli) of the bytes.
std::uint32_t crc32c(const std::string& bytes);

}  // namespace seqtape
