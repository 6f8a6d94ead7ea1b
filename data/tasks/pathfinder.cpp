#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

struct Point {
  double x = 0, y = 0;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }
double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
double cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
Point towards(double angle) { return {std::cos(angle), std::sin(angle)}; }

struct Dash {
  Point from, to;
};

double distance(Point p, const Dash& dash) {
  const Point along = dash.to - dash.from;
  const double t = std::clamp(dot(p - dash.from, along) / std::max(1e-12, dot(along, along)), 0.0, 1.0);
  const Point off = p - (dash.from + t * along);
  return std::sqrt(dot(off, off));
}

double distance(const Dash& a, const Dash& b) {
  const auto side = [](const Dash& d, Point p) { return cross(d.to - d.from, p - d.from) > 0; };
  if (side(a, b.from) != side(a, b.to) && side(b, a.from) != side(b, a.to)) return 0;  // they cross
  return std::min({distance(a.from, b), distance(a.to, b), distance(b.from, a), distance(b.to, a)});
}

/// Pathfinder (Linsley et al. 2018, arXiv 1805.08315, and its snakes2.py), as a sequence of pixels as in Long Range
/// Arena: two dashed curves of equal length and shorter ones between them are drawn; two dots mark either the two ends
/// of one curve (class 1) or an end of each (class 0). Both classes are equally likely. Pixels are in [0, 1], by rows.
/// Every dash turns from the one before by an angle of up to `turn`; the second curve begins a quarter of the side from
/// where the first does. Curves keep a distance from each other, and from themselves, that is greater than the gap
/// between dashes, so that the answer can always be seen.
/// Deviations: distances are measured between lines, not by dilated masks; turns are uniform; all dashes have one
/// contrast; there are no single dashes.
class Pathfinder final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("side", side_, "width and height of the image; a sequence has side * side pixels", between(32, 512));
    f("dashes", dashes_, "dashes of the two long curves", between(2, 30));
    f("distractors", distractors_, "shorter curves, a third as long", between(0, 20));
    f("turn", turn_, "greatest angle between a dash and the next, in radians", between(0, 1.5));
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    Random random(seed, "pathfinder");
    int drawn = 0;
    for (int i = 0; i < 200; ++i) drawn += draw_curves(random).has_value();
    if (drawn < 2)
      throw ConfigError(str("task.dashes: two curves of ", dashes_, " dashes hardly fit an image of ", side_, " x ",
                            side_, "; lower it, or raise task.side"));
  }
  TaskShape shape() const override {
    TaskShape shape({.features = 1, .outputs = 2}, Objective::label, side_ * side_);
    shape.image_width = side_;
    return shape;
  }

 private:
  using Curve = std::vector<Dash>;
  // In units of a 32nd of the side: a dash, the gap after it, what is kept free between curves, a dot's radius.
  static constexpr double kDash = 2, kGap = 1.5, kFree = 4, kDot = 1.5, kBorder = 2.5;
  double unit() const { return static_cast<double>(side_) / 32; }

  bool is_free(const Dash& dash, const std::vector<Curve>& others, const Curve& own) const {
    const double low = kBorder * unit(), high = static_cast<double>(side_) - low, free = kFree * unit();
    for (const Point p : {dash.from, dash.to})
      if (p.x < low || p.x > high || p.y < low || p.y > high) return false;
    for (const Curve& other : others)
      for (const Dash& taken : other)
        if (distance(dash, taken) < free) return false;
    for (std::size_t i = 0; i + 2 < own.size(); ++i)  // the two before are near by nature
      if (distance(dash, own[i]) < free) return false;
    return true;
  }

  /// A curve from `start`, or nothing when it finds no way.
  std::optional<Curve> grow(Random& random, Point start, Index dashes, const std::vector<Curve>& others) const {
    Curve curve;
    double angle = random.uniform(0, 2 * std::numbers::pi);
    Point at = start;
    while (static_cast<Index>(curve.size()) < dashes) {
      bool found = false;
      for (int tries = 0; tries < 10 && !found; ++tries) {
        const double turned = curve.empty() ? angle : angle + random.uniform(-turn_, turn_);
        const Point from = curve.empty() ? at : at + kGap * unit() * towards(turned);
        const Dash dash{from, from + kDash * unit() * towards(turned)};
        if (!is_free(dash, others, curve)) continue;
        curve.push_back(dash);
        angle = turned;
        at = dash.to;
        found = true;
      }
      if (!found) return std::nullopt;
    }
    return curve;
  }

  /// The two long curves first.
  std::optional<std::vector<Curve>> draw_curves(Random& random) const {
    const auto size = static_cast<double>(side_);
    const auto anywhere = [&] { return Point{random.uniform(0, size), random.uniform(0, size)}; };
    std::vector<Curve> curves;
    const auto add = [&](Point start, Index dashes) {
      auto curve = grow(random, start, dashes, curves);
      if (curve) curves.push_back(std::move(*curve));
      return curve.has_value();
    };
    const Point start = anywhere();
    if (!add(start, dashes_)) return std::nullopt;
    if (!add(start + size / 4 * towards(random.uniform(0, 2 * std::numbers::pi)), dashes_)) return std::nullopt;
    for (Index i = 0; i < distractors_; ++i)
      for (int tries = 0; tries < 20 && !add(anywhere(), std::max<Index>(1, dashes_ / 3)); ++tries) {
      }
    return curves;
  }

  void sample(Random& random, Index, Example& out) const override {
    const auto connected = static_cast<std::int32_t>(random.below(2));
    std::optional<std::vector<Curve>> curves;
    Point dots[2];
    do {  // until there is room, and the dots can be told apart
      while (!(curves = draw_curves(random))) {
      }
      dots[0] = (*curves)[0].front().from;
      dots[1] = (*curves)[connected ? 0 : 1].back().to;
    } while (distance(dots[0], {dots[1], dots[1]}) < 2 * kFree * unit());
    out.targets = {connected};
    out.values.assign(static_cast<std::size_t>(side_ * side_), 0);
    const double half = 0.5 * unit();
    for (Index y = 0; y < side_; ++y)
      for (Index x = 0; x < side_; ++x) {
        const Point p{static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5};
        double light = 0;
        // How much of the pixel is covered, from the distance of its middle.
        const auto cover = [&](double away, double radius) {
          light = std::max(light, std::clamp(radius + 0.5 - away, 0.0, 1.0));
        };
        for (const Curve& curve : *curves)
          for (const Dash& dash : curve) cover(distance(p, dash), half);
        for (const Point dot : dots) cover(distance(p, {dot, dot}), kDot * unit());
        out.values[static_cast<std::size_t>(y * side_ + x)] = static_cast<float>(light);
      }
  }

  Index side_ = 32, dashes_ = 6, distractors_ = 2;
  double turn_ = 0.6;
};

}  // namespace

std::unique_ptr<Task> make_pathfinder() { return std::make_unique<Pathfinder>(); }

}  // namespace seqtape
