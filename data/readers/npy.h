#pragma once
// NumPy's arrays: .npy, and .npz, which is a zip file of them, stored or deflated.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/real.h"
#include "data/readers/files.h"

namespace seqtape {

/// An array of numbers or texts. Its header is read at once, its elements in order, the last index fastest, so that
/// memory does not grow with the array; one in Fortran's order is held whole. Members throw DataError with `where`.
class NpyArray {
 public:
  /// `open` begins to read it. `bytes`: the size of the .npy; nothing: it is not known. Throws for what is neither
  /// numbers nor text (Python objects, for which `remedy` is what would do; records, dates, complex numbers), and,
  /// before memory is taken, for a header that does not fit the size.
  NpyArray(std::function<Pieces()> open, std::string where, std::optional<std::uint64_t> bytes,
           const std::string& remedy = "");

  const std::string& where() const { return where_; }
  const std::vector<Index>& shape() const { return shape_; }
  Index rank() const { return static_cast<Index>(shape_.size()); }
  /// "float32 of (60, 24, 3)"
  std::string described() const;
  bool holds_text() const { return kind_ == 'U' || kind_ == 'S'; }
  bool holds_whole_numbers() const { return kind_ == 'i' || kind_ == 'u' || kind_ == 'b'; }
  /// Floats hold every number of its type.
  bool in_floats() const { return size_ <= (kind_ == 'f' ? 4 : 2); }

  /// The next `count` numbers. Throws for a whole number that a double does not hold.
  std::vector<double> numbers(Index count);
  /// The next `count` elements, text or whole numbers, as text.
  std::vector<std::string> texts(Index count);
  /// After the last element: nothing may follow, and an archive's checksum must be right.
  void finish();
  /// Before a value is refused: that the checksum of all of them is right, for a damaged one would be judged.
  void check() const;

 private:
  void read_header(const std::string& remedy, std::optional<std::uint64_t> bytes);
  void read_type(const std::string& descr, const std::string& remedy);
  [[noreturn]] void refuse_header(std::string_view header) const;
  /// The indices of element `at`, counted with the last index fastest: "[3, 0, 1]".
  std::string indices(std::uint64_t at) const;
  /// The bytes of the next `count` elements, in the machine's order.
  std::string elements(Index count);
  /// The next bytes of the file.
  std::string bytes(std::uint64_t count, const char* of);
  /// Where element `at`, counted with the last index fastest, lies in Fortran's order.
  std::uint64_t in_fortran(std::uint64_t at) const;

  std::function<Pieces()> open_;
  Pieces pieces_;
  std::string where_, piece_;
  std::size_t used_ = 0;  // of the piece
  char kind_ = 0;         // as NumPy's: f, i, u, b, S, U
  std::uint64_t size_ = 0;
  bool swapped_ = false, fortran_ = false;
  std::vector<Index> shape_;
  std::uint64_t count_ = 0, next_ = 0;  // elements
  std::string whole_;                   // of Fortran's order
};

/// The array of an .npy, plain or gz. Throws DataError.
NpyArray open_npy(const std::filesystem::path&, const std::string& remedy = "");

/// An .npz.
class NpzFile {
 public:
  /// Throws DataError, also for a zip file of other things.
  explicit NpzFile(const std::filesystem::path&);
  /// Of its arrays, in the file's order.
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const;
  /// One of them; messages call it "x.npz: y". It keeps the file open.
  NpyArray open(const std::string& name, const std::string& remedy = "") const;

 private:
  struct Archive;
  std::string path_;
  std::shared_ptr<Archive> archive_;
  std::vector<std::string> names_;
};

}  // namespace seqtape
