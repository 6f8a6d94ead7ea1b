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
    f("decay", decay_, "share of the steps after the warm-up in which the rate falls", between(0, 1));
  }

 private:
  double shape(double progress) const override { return progress <= 1 - decay_ ? 1 : (1 - progress) / decay_; }
  double decay_ = 0.2;
};

/// One cycle (Smith & Topin 2017, arXiv 1708.07120), with torch.optim's OneCycleLR's half cosines and defaults. Its
/// momentum is not cycled here.
class OneCycle final : public Schedule {
 public:
  void fields(Fields& f) override {
    f("rise", rise_, "share of the steps in which the rate rises", between(0, 1));
    f("start", start_, "share of the peak rate at the first step", between(0, 1));
    f("end", end_, "share of the peak rate at the end", between(0, 1));
  }

 private:
  double shape(double progress) const override {
    const auto anneal = [](double from, double to, double x) {
      return to + (from - to) * 0.5 * (1 + std::cos(3.14159265358979323846 * x));
    };
    return progress < rise_ ? anneal(start_, 1, progress / rise_)
                            : anneal(1, end_, (progress - rise_) / std::max(1e-12, 1 - rise_));
  }
  double rise_ = 0.3, start_ = 0.04, end_ = 4e-6;
};

/// Constant, until evaluations no longer improve: then multiplied by `factor`.
class Plateau final : public Schedule {
 public:
  void fields(Fields& f) override {
    Schedule::fields(f);
    f("factor", factor_, "what the rate is multiplied by", {.least = 0, .most = 1, .open_least = true});
    f("patience", patience_, "evaluations in a row without a new best before that happens", positive_up_to(1e9));
  }
  void evaluated(bool best) override {
    waited_ = best ? 0 : waited_ + 1;
    if (waited_ < patience_) return;
    scale_ *= factor_;
    waited_ = 0;
  }
  Json state() const override { return {{"scale", scale_}, {"waited", waited_}}; }
  void restore(const Json& state) override {
    scale_ = state.at("scale").get<double>();
    waited_ = state.at("waited").get<Index>();
  }

 private:
  double shape(double) const override { return scale_; }
  double share(double) const override { return std::max(scale_, floor()); }
  double factor_ = 0.5, scale_ = 1;
  Index patience_ = 2, waited_ = 0;
};

}  // namespace

void Schedule::fields(Fields& f) {
  f("warmup", warmup_, "steps of linear warm-up; below 1: a share of train.steps", between(0, 1e12));
  f("floor", floor_, "share of the peak rate that is never gone below after the warm-up", between(0, 1));
}

Index Schedule::warmup_steps(Index total) const {
  const double steps = warmup_ < 1 ? warmup_ * static_cast<double>(total) : warmup_;
  return static_cast<Index>(std::llround(steps));
}

double Schedule::factor(Index step, Index total) const {
  const Index warmup = warmup_steps(total);
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress = static_cast<double>(step - warmup) / static_cast<double>(std::max<Index>(1, total - warmup));
  return share(std::min(progress, 1.0));
}

const Registry<Schedule>& schedules() {
  static const Registry<Schedule> registry{{
      {"constant", "the peak rate throughout", [] { return std::make_unique<Constant>(); }},
      {"linear", "falls in a line", [] { return std::make_unique<Linear>(); }},
      {"cosine", "falls along half a cosine", [] { return std::make_unique<Cosine>(); }},
      {"wsd", "constant, then falls in a line at the end", [] { return std::make_unique<Wsd>(); }},
      {"one_cycle", "rises to the peak, then falls far below the start", [] { return std::make_unique<OneCycle>(); }},
      {"plateau", "falls when evaluations no longer improve", [] { return std::make_unique<Plateau>(); }},
  }};
  return registry;
}

}  // namespace seqtape
