#pragma once
// The ops that no target writes, and why.

#include "autograd/ops/ops.h"
#include "models/export/lowering.h"

namespace seqtape {

template <class Context>
void refuse_shared(Lowerings<Context>& forms) {
  constexpr const char* training = "only training uses it";
  forms.template refuse<ops::CrossEntropy>(training);
  forms.template refuse<ops::DistributionLoss>(training);
  forms.template refuse<ops::MseLoss>(training);
  forms.template refuse<ops::Dropout>(training);

  constexpr const char* weights = "it depends on the weights alone, and its value is exported";
  forms.template refuse<ops::SliceFirst>(weights);
  forms.template refuse<ops::Transpose>(weights);
  forms.template refuse<ops::SsmDiscretize>(weights);
  forms.template refuse<ops::DplrDiscretize>(weights);

  constexpr const char* whole = "a model that runs in steps does not use it";
  forms.template refuse<ops::LongConv>(whole);
  forms.template refuse<ops::ReverseTime>(whole);

  forms.template refuse<ops::ZeroPadding>("exported models read sequences of one length");
  forms.template refuse<ops::MeanPool>("the exporter writes pooling itself");
  forms.template refuse<ops::LastStep>("the exporter writes pooling itself");
}

}  // namespace seqtape
