#include "data/prefetch.h"

namespace seqtape {

const Batch& Prefetch::at(Index step) {
  const auto make = [this](Index of) {
    Batch batch;
    task_.training_batch(of, batch_, batch);
    return batch;
  };
  const bool made = next_.valid();
  Batch next = made ? next_.get() : Batch{};
  present_ = made && coming_ == step ? std::move(next) : make(step);
  coming_ = step + 1;
  next_ = std::async(std::launch::async, make, coming_);
  return present_;
}

}  // namespace seqtape
