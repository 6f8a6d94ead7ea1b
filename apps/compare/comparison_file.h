#pragma once
// The fields of a comparison file. docs/compare.md describes it.

#include "core/config.h"

namespace seqtape {

struct ComparisonFile {
  /// What every model may use; 0: no limit. At most one of steps, tokens and seconds is set.
  struct Budget {
    Index steps = 0, tokens = 0, parameters = 0;
    double seconds = 0;
    void fields(Fields&);
  };

  std::string title;
  Json task = Json::object(), optimizer = Json::object(), schedule = Json::object(), train = Json::object();
  Json models = Json::array(), grid = Json::object(), quick = Json::object();
  Budget budget;
  std::vector<Index> seeds{1}, lengths, scaling;
  Index decided_at = 0;

  void fields(Fields&);
  /// `quick`: applies the file's "quick" as a JSON merge patch. Throws ConfigError.
  static ComparisonFile from_json(Json, bool quick);
  /// Task, optimizer, schedule and train, those that are given: a config without its model.
  Json common() const;
};

/// A JSON Schema of comparison files.
Json comparison_schema();

}  // namespace seqtape
