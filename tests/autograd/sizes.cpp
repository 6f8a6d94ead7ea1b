// The sizes at which ops and layers are tried.
#include <set>

#include "tests/support/op_case.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

std::string text(const Sizes& s) {
  static const char* const extremes[] = {"", ", decay 0", ", decay 1", ", gates 80", ", gates -80"};
  return str("length ", s.length, ", batch ", s.batch, ", channels ", s.channels, ", heads ", s.heads,
             s.states ? ", states" : "", s.lengths ? ", lengths" : "", extremes[static_cast<int>(s.extreme)]);
}

std::vector<Sizes> all_sizes() {
  std::set<Index> lengths{1, 2};
  for (const OpCase& op_case : op_cases())
    for (const AnyOp& op : ops_of(op_case))
      if (const Index chunk = op.schema().chunk) lengths.insert({chunk - 1, chunk, chunk + 1, 2 * chunk + 3});
  std::vector<Sizes> all;
  for (const Index length : lengths)
    for (const bool states : {false, true})
      for (const bool padded : {false, true}) all.push_back({.length = length, .states = states, .lengths = padded});
  for (const Index length : {Index{1}, *lengths.rbegin()}) {
    all.push_back({.length = length, .channels = 1});
    all.push_back({.length = length, .batch = 1, .heads = 1, .lengths = true});
    for (const auto extreme :
         {Sizes::Extreme::decay_0, Sizes::Extreme::decay_1, Sizes::Extreme::gates_high, Sizes::Extreme::gates_low})
      all.push_back({.length = length, .extreme = extreme});
  }
  all.push_back({.length = 4099, .batch = 2, .lengths = true});
  return all;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
