"""Loads exported folders in PyTorch's transformers and compares its logits with ours in parity.json.

python3 tests/interop/transformers_check.py FOLDER...    (needs torch, transformers; exits 1 beyond 1e-4)
"""
import json
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM

print("torch", torch.__version__, "transformers", transformers.__version__)
worst = 0.0
for folder in sys.argv[1:]:
    with open(folder + "/parity.json") as file:
        parity = json.load(file)
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[problem], (folder, problem, report[problem])
    with torch.no_grad():
        logits = model.eval()(torch.tensor([parity["tokens"]])).logits[0, -1]
    ours = torch.tensor(parity["logits"])
    difference = (logits - ours).abs().max().item()
    worst = max(worst, difference)
    print(f"{folder}: {type(model).__name__}, {sum(p.numel() for p in model.parameters()):,} parameters, "
          f"largest logit {ours.abs().max().item():.3g}, largest difference {difference:.3g}")
sys.exit(worst > 1e-4)
