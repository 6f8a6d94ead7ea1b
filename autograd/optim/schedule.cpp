#include "autograd/optim/schedule.h"

#include <algorithm>
#include <cmath>

namespace seqtape {
namespace {

class Constant final : public Schedule {
  double shape(double) const override { return 1; }
};

class Linear final : public Schedule {
  double shape(double progress) const override { return 1 - progress; }
};

class Cosine final : public Schedule {
  double shape(double progress) const override { return 0.5 * (1 + std::cos(3.14159265358979323846 * progress)); }
};

/// Warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395): constant, then linear over the last part.
class Wsd final : public Schedule {
 public:
  void fields(Fields& f) override {
    Schedule::fields(f);
    f("decay", decay_, "share of the steps behind the warm-up in which the rate falls", between(0, 1));
  }

 private:
  double shape(double progress) const override { return progress <= 1 - decay_ ? 1 : (1 - progress) / decay_; }
  double decay_ = 0.2;
};

}  // namespace

void Schedule::fields(Fields& f) {
  f("warmup", warmup_, "steps of linear warm-up; below 1: a share of train.steps", between(0, 1e12));
  f("floor", floor_, "share of the peak rate that is never gone below behind the warm-up", between(0, 1));
}

Index Schedule::warmup_steps(Index total) const {
  const double steps = warmup_ < 1 ? warmup_ * static_cast<double>(total) : warmup_;
  return std::min(total, static_cast<Index>(std::llround(steps)));
}

double Schedule::factor(Index step, Index total) const {
  const Index warmup = warmup_steps(total);
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress = static_cast<double>(step - warmup) / static_cast<double>(std::max<Index>(1, total - warmup));
  return floor_ + (1 - floor_) * shape(std::min(progress, 1.0));
}

const Registry<Schedule>& schedules() {
  static const Registry<Schedule> registry{{
      {"constant", "the peak rate throughout", [] { return std::make_unique<Constant>(); }},
      {"linear", "falls in a line", [] { return std::make_unique<Linear>(); }},
      {"cosine", "falls along half a cosine", [] { return std::make_unique<Cosine>(); }},
      {"wsd", "constant, then falls in a line at the end", [] { return std::make_unique<Wsd>(); }},
  }};
  return registry;
}

}  // namespace seqtape
