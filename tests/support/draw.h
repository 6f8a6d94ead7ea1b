#pragma once
// Laws: what holds whatever the sizes. Drawn at random, by a number that is printed when one fails.
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>

#include "core/random.h"

namespace seqtape::testing {

/// Calls law(random) for `count` draws, or for the one that SEQTAPE_DRAW names.
inline void draw(const char* law, const std::function<void(Random&)>& check, std::uint64_t count = 40) {
  const char* one = std::getenv("SEQTAPE_DRAW");
  for (std::uint64_t number = one ? std::strtoull(one, nullptr, 10) : 0, end = one ? number + 1 : count; number < end;
       ++number) {
    INFO("SEQTAPE_DRAW=" << number);
    Random random(number, law);
    check(random);
  }
}

inline Index between(Random& random, Index least, Index most) { return least + random.below(most - least + 1); }

}  // namespace seqtape::testing
