#pragma once
// What a C export has by its signature: the data that the training taught, and functions from raw input to answers.

#include <string>

#include "core/signature.h"

namespace seqtape {

struct CInterface {
  std::string sizes{};         ///< enumerators, a line each
  std::string declarations{};  ///< for model.h
  std::string memory{};        ///< members of the model
  std::string definitions{};   ///< for model.c
};
CInterface c_interface(const Signature&);
/// A sequence may be too short for one step of the model, and is not refused for its length otherwise.
inline bool c_may_be_short(const Signature& s) {
  return s.stride > 1 && s.reads != Signature::Reads::exactly && s.reads != Signature::Reads::last;
}

/// The example program, main.c.
std::string c_main(const Signature&);

}  // namespace seqtape
