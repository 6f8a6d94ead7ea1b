#include "autograd/optim/optimizer.h"
#include "core/kernels/optimizer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// torch.optim.SGD.
class Sgd final : public Optimizer {
 public:
  void fields(Fields& f) override {
    common_fields(f);
    f("momentum", momentum_, "share of the last step kept", below_one());
  }
  std::vector<NamedTensor> state() const override { return named("momentum.", v_); }

 private:
  void allocate() override {
    if (momentum_ > 0) v_ = zeros();
  }
  void update(std::size_t index, const Parameter& p, double lr, double decay, double scale) override {
    kernels::optimizer->sgd(p.shape.size(), static_cast<Real>(scale), static_cast<Real>(lr),
                            static_cast<Real>(momentum_), static_cast<Real>(decay), p.variable.grad().data(),
                            p.variable.data(), v_.empty() ? nullptr : v_[index].data());
  }

  double momentum_ = 0;
  std::vector<Tensor> v_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd() { return std::make_unique<Sgd>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
