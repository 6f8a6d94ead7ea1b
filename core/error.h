#pragma once
// The error types that reach a user, and `str`, which formats their messages.

#include <sstream>
#include <stdexcept>
#include <string>

namespace seqtape {

/// Base of every error that a user can cause. The text has the place, the rule, the value and a remedy.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The config, or the command line, asks for something that is not allowed. Exit code 2.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// Tensors whose shapes do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A data file is missing, unreadable or invalid.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint or weight file cannot be written, or is damaged, incomplete or of another model.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// A NaN or an infinity in training.
class NumericalError : public Error {
 public:
  using Error::Error;
};

/// Concatenates its arguments as `<<` prints them.
template <class... Args>
std::string str(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

}  // namespace seqtape
