#pragma once
// Learning-rate schedules: functions of the step; `plateau` also depends on the evaluations.

#include <memory>

#include "core/config.h"

namespace seqtape {

/// Steps count from 0. In a warm-up of W steps the rate at step s is lr (s+1)/W, even if the run ends within it; the
/// shape then runs over the remaining steps.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual void fields(Fields&);
  /// The factor on the peak rate at `step` of a run of `total` steps.
  double factor(Index step, Index total) const;
  /// Warm-up steps of a run of `total` steps.
  Index warmup_steps(Index total) const;

  /// Called after each evaluation; `best`: it was better than all before.
  virtual void evaluated(bool /*best*/) {}
  /// Its state, for a checkpoint; null for a function of the step alone.
  virtual Json state() const { return {}; }
  virtual void restore(const Json&) {}

 protected:
  /// The shape after the warm-up, at progress in [0, 1): usually from 1 down to 0.
  virtual double shape(double progress) const = 0;
  /// The factor after the warm-up: the shape, scaled to [floor, 1].
  virtual double share(double progress) const { return floor_ + (1 - floor_) * shape(progress); }
  double floor() const { return floor_; }

 private:
  double warmup_ = 0;
  double floor_ = 0;
};

/// constant, linear, cosine, wsd, one_cycle, plateau.
const Registry<Schedule>& schedules();

}  // namespace seqtape
