#include "core/io/npz.h"

#include <zip.h>

#include <ctime>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

void write_npz(const std::filesystem::path& path, const std::vector<NpzArray>& arrays) {
  int problem = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &problem);
  if (!archive) throw CheckpointError(str(path.string(), ": cannot be written"));
  std::vector<std::string> members;  // libzip reads them when it closes
  members.reserve(arrays.size());
  bool good = true;
  for (const NpzArray& array : arrays) {
    std::string extents;
    for (const Index extent : array.shape) extents += std::to_string(extent) + ",";
    std::string header = "{'descr': '" + array.type + "', 'fortran_order': False, 'shape': (" + extents + "), }";
    header.append(63 - (10 + header.size()) % 64, ' ');  // the data begin at a multiple of 64
    header += '\n';
    std::string& member = members.emplace_back("\x93NUMPY\x01");
    member += '\0';
    member += static_cast<char>(header.size() & 255);
    member += static_cast<char>(header.size() >> 8);
    member += header;
    member += array.elements;
    zip_source_t* const source = zip_source_buffer(archive, member.data(), member.size(), 0);
    const zip_int64_t at = zip_file_add(archive, (array.name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    const auto entry = static_cast<zip_uint64_t>(at);
    // 2 January 1980, zip's beginning in every time zone: the same arrays, the same file.
    constexpr std::time_t kDay = 315619200;
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
