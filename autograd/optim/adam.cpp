#include <cmath>

#include "autograd/optim/optimizer.h"
#include "core/error.h"
#include "core/kernels/optimizer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Adam (decay added to the gradient) and AdamW (decay applied to the weight): torch.optim's rules.
class Adam final : public Optimizer {
 public:
  explicit Adam(bool decoupled) : decoupled_(decoupled) {}

  void fields(Fields& f) override {
    common_fields(f);
    f("betas", betas_, "decay rates of the two moments", below_one());
    f("eps", eps_, "added to the root of the second moment", between(1e-30, 1));
    if (betas_.size() != 2) throw_betas();
  }
  std::vector<NamedTensor> state() const override {
    auto all = named("exp_avg.", m_);
    for (auto& tensor : named("exp_avg_sq.", v_)) all.push_back(tensor);
    return all;
  }

 private:
  [[noreturn]] static void throw_betas();

  void allocate() override {
    m_ = zeros();
    v_ = zeros();
  }
  void update(std::size_t index, const Parameter& p, double lr, double decay, double scale) override {
    const auto t = static_cast<double>(updates_);
    const double rate = lr / (1 - std::pow(betas_[0], t)), root = std::sqrt(1 - std::pow(betas_[1], t));
    const kernels::OptimizerKernels::Adam settings{static_cast<Real>(scale),
                                                   static_cast<Real>(betas_[0]),
                                                   static_cast<Real>(betas_[1]),
                                                   static_cast<Real>(eps_),
                                                   static_cast<Real>(rate),
                                                   static_cast<Real>(root),
                                                   static_cast<Real>(decoupled_ ? 0 : decay),
                                                   static_cast<Real>(decoupled_ ? 1 - lr * decay : 1)};
    kernels::optimizer->adam(p.shape.size(), settings, p.variable.grad().data(), p.variable.data(), m_[index].data(),
                             v_[index].data());
  }

  bool decoupled_;
  std::vector<double> betas_{0.9, 0.999};
  double eps_ = 1e-8;
  std::vector<Tensor> m_, v_;
};

void Adam::throw_betas() { throw ConfigError("optimizer.betas: must be two numbers"); }

}  // namespace

std::unique_ptr<Optimizer> make_adamw() { return std::make_unique<Adam>(true); }
std::unique_ptr<Optimizer> make_adam() { return std::make_unique<Adam>(false); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
