#include <zip.h>

#include <ctime>

#include "apps/exchange/export.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

void write_npz(const std::filesystem::path& path, const std::vector<Parameter*>& parameters) {
  int problem = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &problem);
  if (!archive) throw CheckpointError(str(path.string(), ": cannot be written"));
  std::vector<std::string> members;  // libzip reads them when it closes
  members.reserve(parameters.size());
  bool good = true;
  for (const Parameter* parameter : parameters) {
    std::string extents;
    for (const Index extent : parameter->shape) extents += std::to_string(extent) + ",";
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + extents + "), }";
    header.append(63 - (10 + header.size()) % 64, ' ');  // the data begin at a multiple of 64
    header += '\n';
    std::string& member = members.emplace_back("\x93NUMPY\x01");
    member += '\0';
    member += static_cast<char>(header.size() & 255);
    member += static_cast<char>(header.size() >> 8);
    member += header;
    member.append(reinterpret_cast<const char*>(parameter->variable.data()),
                  static_cast<std::size_t>(parameter->shape.size()) * sizeof(float));
    zip_source_t* const source = zip_source_buffer(archive, member.data(), member.size(), 0);
    const zip_int64_t at = zip_file_add(archive, (parameter->path + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    const auto entry = static_cast<zip_uint64_t>(at);
    constexpr std::time_t kDay =
        315619200;  // 2 January 1980, zip's beginning anywhere: the same weights, the same file
    good = good && at >= 0 && zip_set_file_compression(archive, entry, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_mtime(archive, entry, kDay, 0) == 0;
  }
  if (!good || zip_close(archive) != 0) {
    const std::string why = zip_strerror(archive);
    zip_discard(archive);
    throw CheckpointError(str(path.string(), ": cannot be written: ", why));
  }
}

}  // namespace seqtape
