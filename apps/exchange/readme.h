#pragma once
// The README.md of an export's folder: what goes in, what comes out, and the lines that use it.

#include <string>

#include "apps/exchange/export.h"

namespace seqtape {

std::string hf_readme(const TrainedModel&, const ExportNames&);
std::string mamba_ssm_readme(const TrainedModel&, const ExportNames&);
std::string onnx_readme(const TrainedModel&, const ExportNames&);
std::string c_readme(const TrainedModel&, const ExportNames&);

}  // namespace seqtape
