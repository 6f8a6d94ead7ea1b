#!/usr/bin/env python3
"""A second opinion: our models and layers beside those of PyTorch, transformers and the authors' published code.

    pip install torch transformers
    cmake --preset release && cmake --build --preset release
    bench/conformance.py --authors DIR        DIR/mamba, DIR/s4: checkouts of github.com/state-spaces/mamba and .../s4

It works in three stages, each of which can run on another machine (`--stage`, with the folder `--out` in between):

    export     `seqtape train` a few steps of small Mambas, `seqtape export --format hf`
    reference  the exports in transformers, and layers on random inputs: outputs and all gradients, computed in float64;
               the same in float32 tells the source's own rounding
    check      tests/golden's program runs them through our code, and the page is written

A case is a golden case (tests/golden/README.md) in OUT/cases, drawn from the seed and its name alone. Exit code 1: a case
fails; the command that repeats that case alone is printed. Without --authors the rows that need it are left out.
"""

import argparse
import contextlib
import functools
import hashlib
import importlib.util
import itertools
import json
import logging
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import types
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None  # the stages export and check need none

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("export", "reference", "check")
# Batch, length, width of the layers: not those of tests/golden; around the chunks of 64, one step, one channel.
SIZES = ((1, 1, 5), (3, 2, 1), (1, 63, 4), (3, 64, 1), (1, 65, 6), (3, 257, 3))

# Name of the case: model's keys, batch and length of what it reads.
MODELS = {
    "hf_mamba.two_layers": ({"name": "mamba", "d_model": 16, "layers": 2, "d_state": 8}, 3, 65),
    "hf_mamba.long": ({"name": "mamba", "d_model": 24, "layers": 1, "d_state": 16, "dt_rank": 3}, 1, 257),
    "hf_mamba.one_state": ({"name": "mamba", "d_model": 8, "layers": 1, "d_state": 1, "expand": 1, "d_conv": 3,
                            "conv_bias": False, "proj_bias": True, "tie_embeddings": False}, 1, 63),
    "hf_mamba2.one_head": ({"name": "mamba2", "d_model": 16, "layers": 2, "d_state": 16, "head_dim": 32}, 3, 65),
    "hf_mamba2.heads": ({"name": "mamba2", "d_model": 16, "layers": 1, "d_state": 8, "head_dim": 8,
                         "tie_embeddings": False}, 1, 257),
    "hf_mamba2.groups": ({"name": "mamba2", "d_model": 16, "layers": 1, "d_state": 8, "head_dim": 8, "n_groups": 2,
                          "proj_bias": True}, 3, 64),
}

DISAGREEMENTS = """\
- **Softplus.** PyTorch's is x itself beyond 20, which is up to 2.1e-9 less; ours is exact, as the definition. Both Mambas'
  sources use PyTorch's.
- **Mamba-2's norm after the gate.** transformers takes it over all inner channels, the authors' package over those of a
  group. We follow transformers, which reads our exports; with one group they are the same.
- **S4D's (exp(x) - 1)/A.** The authors' code subtracts; in float32 that cancels where the step size is small. We use a form
  without cancellation, and compare with theirs in float64.
- **S4's C.** The authors' code trains C~ = C (I - A^L), which ties a model to one length; ours is C. The script turns C into
  theirs by their own functions. At even lengths one of their frequencies divides by a rounded zero: harmless in float64
  (1e-14 from the recurrence, step by step), while in float32 their gradients are off by up to 4e-2 of the largest at length 2.
- **HiPPO-LegS.** The authors' code clips Im B to 2 when it initialises a model. `hippo_legs` does not; compared without it.
- **GRU.** The paper (Cho et al. 2014) resets the state before the recurrent product, PyTorch and cuDNN after it and its bias.
  We follow PyTorch."""
WITHOUT_SOURCE = """\
`lru`, `mingru` and `minlstm`: none of the three sources has them. The blocks of `transformer`, `s4` and `s4d` (norms, MLP,
output projections, rotary positions) are ours: the ops that they are made of are in the table, rotary positions are not.
`seqtape check` holds the gradients of all of them against central differences."""


class Refusal(Exception):
    """What the user can mend, in words."""


def say(*words):
    print(*words, flush=True)


# ---------------------------------------------------------------- export


def export_models(seqtape, folder, names, seed):
    work = folder / "runs"
    work.mkdir(parents=True, exist_ok=True)
    words = (bytes(97 + (i * i * 31 + i * k) % 26 for i in range(1 + k % 7)).decode() for k in range(3000))
    (work / "text.txt").write_text(" ".join(words))
    for name in names:
        model = {"tie_embeddings": True, "head_bias": False} | MODELS[name][0]
        config = {"seed": seed, "task": {"name": "text", "path": "text.txt", "length": 32}, "model": model,
                  "optimizer": {"name": "adamw", "lr": 0.01},
                  "train": {"steps": 5, "batch": 4, "eval_every": 5, "tensorboard": False}}
        (work / f"{name}.json").write_text(json.dumps(config, indent=1))
        shutil.rmtree(folder / "cases" / name, ignore_errors=True)
        for arguments in (["train", work / f"{name}.json", "--out", work / name, "--force"],
                          ["export", work / name, "--format", "hf", "--out", folder / "cases" / name]):
            done = subprocess.run([seqtape, *arguments], capture_output=True, text=True)
            if done.returncode != 0:
                raise Refusal(f"seqtape {arguments[0]} of {name} failed:\n{done.stdout}{done.stderr}")
        say(f"exported   {name}")


# ---------------------------------------------------------------- references


class Draw:
    """Random float32 numbers, all from the seed and the case's name."""

    def __init__(self, seed, name):
        self.generator = torch.Generator().manual_seed(seed * 2**32 + zlib.crc32(name.encode()))

    def __call__(self, *shape, scale=1.0):
        return torch.randn(shape, generator=self.generator) * scale

    def between(self, low, high, *shape):
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def integers(self, end, *shape):
        return torch.randint(end, shape, generator=self.generator)


@dataclass
class Layer:
    """What one source says on one case: `function` maps the inputs to the outputs, both by name."""

    inputs: dict
    function: object
    attributes: dict = field(default_factory=dict)
    constant: tuple = ()  # inputs without a gradient


@dataclass
class Source:
    op: str
    mixers: str
    source: str
    build: object  # (draw, batch, length, width) -> Layer
    file: str = ""  # of the authors, below --authors
    sizes: tuple = SIZES


def pointwise(function):
    return lambda draw, *size: Layer({"x": draw(*size, scale=3)}, lambda v: {"y": function(v["x"])})


def on_features(function, **attributes):
    """Eight features for each of the width: of a norm over one or two nothing is left."""
    return lambda draw, b, l, d: Layer({"x": draw(b, l, 8 * d)}, lambda v: {"y": function(v["x"])}, attributes)


def norm(function, *parameters):
    def build(draw, b, l, d):
        inputs = {"x": draw(b, l, 8 * d)} | {name: draw(8 * d) for name in parameters}

        def of(v):
            return {"y": function(v["x"], [8 * d], *(v[name] for name in parameters), eps=1e-5)}
        return Layer(inputs, of, {"eps": 1e-5})
    return build


def linear(draw, b, l, d, bias=True):
    inputs = {"x": draw(b, l, d), "weight": draw(d + 3, d)} | ({"bias": draw(d + 3)} if bias else {})
    return Layer(inputs, lambda v: {"y": F.linear(v["x"], v["weight"], v.get("bias"))})


def embedding(draw, b, l, d):
    return Layer({"ids": draw.integers(11, b, l), "weight": draw(11, d)}, lambda v: {"y": F.embedding(v["ids"], v["weight"])})


def cross_entropy(draw, b, l, d):
    target = draw.integers(7 * d + 2, b, l)
    if l > 2:
        target[:, 1::3] = -100
    smoothing = 0.1 if b > 1 else 0.0

    def function(v):
        return {"loss": F.cross_entropy(v["logits"].flatten(0, 1), v["target"].flatten(), label_smoothing=smoothing)}
    return Layer({"logits": draw(b, l, 7 * d + 2), "target": target}, function,
                 {"label_smoothing": smoothing, "ignore_index": -100})


def mse_loss(draw, b, l, d):
    inputs = {"x": draw(b, l, d), "target": draw(b, l, d)}
    return Layer(inputs, lambda v: {"loss": F.mse_loss(v["x"], v["target"])}, constant=("target",))


def attention(draw, b, l, d):
    heads, causal, scale = 1 if b == 1 else 2, l != 63, d**-0.5

    def function(v):
        q, k, u = (v[name].transpose(1, 2) for name in "qkv")
        return {"y": F.scaled_dot_product_attention(q, k, u, is_causal=causal, scale=scale).transpose(1, 2)}
    return Layer({name: draw(b, l, heads, d) for name in "qkv"}, function, {"causal": causal, "scale": scale})


def causal_conv1d(draw, b, l, d):
    taps, silu = (4, True) if b > 1 else (3, False)

    def function(v):
        x = F.pad(v["x"].transpose(1, 2), (taps - 1, 0))
        y = F.conv1d(x, v["weight"][:, None], v.get("bias"), groups=d).transpose(1, 2)
        return {"y": F.silu(y) if silu else y}
    inputs = {"x": draw(b, l, d), "weight": draw(d, taps)} | ({"bias": draw(d)} if silu else {})
    return Layer(inputs, function, {"activation": "silu" if silu else "none"})


def long_conv(draw, b, l, d):
    def function(v):
        spectra = torch.fft.rfft(v["u"], n=2 * l, dim=1) * torch.fft.rfft(v["k"], n=2 * l, dim=1).T
        y = torch.fft.irfft(spectra, n=2 * l, dim=1)[:, :l]
        return {"y": y + v["D"] * v["u"] if "D" in v else y}
    return Layer({"u": draw(b, l, d), "k": draw(d, l)} | ({"D": draw(d)} if b > 1 else {}), function)


def recurrent(kind, gates):
    """torch.nn's layers call these functions: parameters as arguments, so that gradients are to the inputs."""
    def build(draw, b, l, d):
        h = d + 2 if d > 1 else 1
        near = functools.partial(draw, scale=h**-0.5)
        inputs = {"x": draw(b, l, d), "h0": draw(b, h), "weight_ih": near(gates * h, d), "weight_hh": near(gates * h, h),
                  "bias_ih": near(gates * h), "bias_hh": near(gates * h)} | ({"c0": draw(b, h)} if kind == "lstm" else {})

        def function(v):
            weights = [v[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            state = [v["h0"][None], v["c0"][None]] if kind == "lstm" else v["h0"][None]
            layer = torch.rnn_tanh if kind == "rnn" else getattr(torch, kind)
            outputs = layer(v["x"], state, weights, True, 1, 0.0, False, False, True)
            return dict(zip(("y", "h_last", "c_last"), (outputs[0], *(last[0] for last in outputs[1:]))))
        return Layer(inputs, function)
    return build


# ---- the authors' code: loaded from its file, never copied


def rearranged(x, pattern, **extents):
    """einops' rearrange and repeat, as far as these files use them, for where einops is not installed."""
    left, right = ([group.split() if group else [single] for group, single in re.findall(r"\(([^)]*)\)|(\S+)", side)]
                   for side in pattern.split("->"))
    rest = [[f"rest{i}"] for i in range(x.dim() - len(left) + 1)]

    def unfold(side):
        side = list(itertools.chain(*(rest if axis == ["..."] else [axis] for axis in side)))
        return [[] if axis == ["1"] else axis for axis in side]
    left, right = unfold(left), unfold(right)
    for names, extent in zip(left, x.shape):
        unknown = [name for name in names if name not in extents]
        for name in unknown:
            extents[name] = extent // math.prod(extents[n] for n in names if n in extents)
    here, wanted = sum(left, []), sum(right, [])
    x = x.reshape([extents[n] for n in here]).permute([here.index(n) for n in wanted if n in here])
    x = x.reshape([extents[n] if n in here else 1 for n in wanted]).expand([extents[n] for n in wanted])
    return x.reshape([math.prod(extents[n] for n in names) for names in right])


@functools.cache
def authors_module(path):
    """A file of theirs as a module. What it imports of GPU kernels and trainers is not called here: stand-ins."""
    def stand_in(name, **attributes):
        module = types.ModuleType(name)
        module.__dict__.update(attributes)
        module.__getattr__ = lambda _: (lambda function, *_: function)
        return module
    stubs = {name: stand_in(name) for name in (
        "mamba_ssm.utils.torch", "mamba_ssm.ops.triton.layer_norm", "mamba_ssm.ops.triton.ssd_combined", "src.models.nn",
        "pytorch_lightning.utilities", "scipy")}
    if not importlib.util.find_spec("einops"):
        stubs["einops"] = stand_in("einops", rearrange=rearranged, repeat=rearranged)
    spec = importlib.util.spec_from_file_location("authors_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    logging.disable(logging.ERROR)  # of kernels that are not installed
    try:
        with mock.patch.dict(sys.modules, stubs):
            spec.loader.exec_module(module)
    finally:
        logging.disable(logging.NOTSET)
    return module


def selective_scan(theirs, draw, b, l, d):
    n, full = (16, True) if b > 1 else (5, False)
    inputs = {"u": draw(b, l, d), "delta": draw(b, l, d, scale=2) if full else draw.between(0.01, 0.5, b, l, d),
              "A": -draw.between(0.2, 4, d, n), "B": draw(b, l, n), "C": draw(b, l, n)}
    if full:
        inputs |= {"D": draw(d), "z": draw(b, l, d), "delta_bias": draw(d) - 2}

    def function(v):
        u, delta, b_, c, z = (v[name].transpose(1, 2) if name in v else None for name in ("u", "delta", "B", "C", "z"))
        y, last = theirs.selective_scan_ref(u, delta, v["A"], b_, c, v.get("D"), z, v.get("delta_bias"), full, True)
        return {"y": y.transpose(1, 2), "h_last": last}
    return Layer(inputs, function, {"delta_softplus": full})


def ssd(theirs, draw, b, l, d):
    heads, groups, n = (1, 1, 5) if b == 1 else (4, 2, 8)
    block = max(k for k in range(1, 65) if l % k == 0)  # theirs must divide the length, ours is 64
    inputs = {"x": draw(b, l, heads, d), "delta": draw.between(0.01, 0.5, b, l, heads), "A": -draw.between(0.2, 4, heads),
              "B": draw(b, l, groups, n), "C": draw(b, l, groups, n)} | ({"h0": draw(b, heads, d, n)} if b > 1 else {})

    def function(v):
        b_, c = (v[name].repeat_interleave(heads // groups, dim=2) for name in "BC")
        first = v["h0"][:, None] if "h0" in v else None
        y, last = theirs.ssd_minimal_discrete(v["x"] * v["delta"][..., None], v["A"] * v["delta"], b_, c, block, first)
        return {"y": y, "h_last": last}
    return Layer(inputs, function)


def diagonal(draw, h, n):
    return {"log_dt": draw.between(math.log(0.001), math.log(0.1), h), "A_log_real": math.log(0.5) + draw(h, n, scale=0.3),
            "A_imag": math.pi * (1 + torch.arange(n)).expand(h, n) + draw(h, n, scale=0.3), "C": draw(h, n, 2)}


def s4d_kernel(theirs, draw, b, l, d):
    def function(v):
        theirs_now = types.SimpleNamespace(log_dt=v["log_dt"], log_A_real=v["A_log_real"], A_imag=v["A_imag"], C=v["C"])
        return {"K": theirs.S4DKernel.forward(theirs_now, l)}
    return Layer(diagonal(draw, d, 16 if b > 1 else 5), function, {"length": l})


def s4_kernel(theirs, draw, b, l, d):
    """Their kernel takes C~ = C (I - A^L), which their layer trains in C's place: ours is C, so that is undone here."""
    n, complexes = 6, torch.view_as_complex

    def function(v):
        kernel, dt = theirs.SSMKernelDPLR, v["log_dt"].exp()[:, None]
        a, p, b_, c = torch.complex(-v["A_log_real"].exp(), v["A_imag"]), *(complexes(v[name])[None] for name in "PBC")
        now = types.SimpleNamespace(N=n, H=d, C=v["C"][None], rank=1, backend="naive", l_max=None,
                                    l_kernel=types.SimpleNamespace(item=lambda: l))
        now._get_params = lambda rate=1.0: (dt, a, b_, c, p, p.conj())
        now._setup_linear = lambda: kernel._setup_linear.__wrapped__(now)
        now._step_state_linear = functools.partial(kernel._step_state_linear, now)
        now._omega = functools.partial(kernel._omega, now)
        power = theirs.power(l, kernel._setup_state(now)[0])  # of the discrete A [H, 2N, 2N]
        both = torch.cat([c, c.conj()], dim=-1)
        c = (both - torch.einsum("hmn,chm->chn", power, both))[..., :n]
        return {"K": kernel.forward(now, L=l)[0][0]}
    return Layer(diagonal(draw, d, n) | {"P": draw(d, n, 2), "B": draw(d, n, 2)}, function, {"length": l})


def hippo_legs(theirs, draw, b, l, n):
    def function(v):
        w, p, b_, _ = theirs.nplr("legs", n, dtype=torch.float64, B_clip=None)  # the other half of each pair
        w, p, b_ = w.flip(0), p.flip(1), b_.flip(0)
        return {"lambda_real": w.real, "lambda_imag": -w.imag, "P_abs": p[0].abs(), "B_abs": b_.abs(),
                "PB_re": (p[0] * b_.conj()).real}
    return Layer({}, function, {"N": n})


SCAN, SSD = "mamba/mamba_ssm/ops/selective_scan_interface.py", "mamba/mamba_ssm/modules/ssd_minimal.py"
S4D, S4 = "s4/models/s4/s4d.py", "s4/models/s4/s4.py"


def sources():
    f, nn = torch.nn.functional, "torch.nn.functional."
    simple = {"exp": torch.exp, "gelu": f.gelu, "gelu_tanh": functools.partial(f.gelu, approximate="tanh"), "relu": f.relu,
              "sigmoid": torch.sigmoid, "silu": f.silu, "softplus": f.softplus, "tanh": torch.tanh}
    of = {"gelu": "s4, s4d, lru, transformer", "silu": "mamba, mamba2", "softplus": "mamba, mamba2, minlstm",
          "sigmoid": "mingru, minlstm"}
    last = functools.partial
    return [
        Source("rnn", "rnn", "torch.nn.RNN", recurrent("rnn", 1)),
        Source("lstm", "lstm", "torch.nn.LSTM", recurrent("lstm", 4)),
        Source("gru", "gru", "torch.nn.GRU", recurrent("gru", 3)),
        Source("selective_scan", "mamba", "selective_scan_ref", selective_scan, SCAN),
        Source("ssd", "mamba2", "ssd_minimal_discrete", ssd, SSD),
        Source("s4d_kernel", "s4d", "S4DKernel", s4d_kernel, S4D),
        Source("s4_kernel", "s4", "SSMKernelDPLR", s4_kernel, S4),
        Source("hippo_legs", "s4, s4d", "nplr", hippo_legs, S4, tuple((1, 1, n) for n in (6, 20, 48))),
        Source("long_conv", "s4, s4d", "torch.fft", long_conv),
        Source("causal_conv1d", "mamba, mamba2", nn + "conv1d", causal_conv1d),
        Source("attention", "transformer", nn + "scaled_dot_product_attention", attention),
        Source("rms_norm", "mamba, mamba2", nn + "rms_norm", norm(f.rms_norm, "weight")),
        Source("layer_norm", "all", nn + "layer_norm", norm(f.layer_norm, "weight", "bias")),
        Source("linear", "all", nn + "linear", linear),
        Source("linear_nobias", "all", nn + "linear", last(linear, bias=False)),
        Source("embedding", "all", nn + "embedding", embedding),
        Source("cross_entropy", "all", nn + "cross_entropy", cross_entropy),
        Source("mse_loss", "all", nn + "mse_loss", mse_loss),
        Source("softmax", "", nn + "softmax", on_features(last(f.softmax, dim=-1))),
        Source("glu", "s4, s4d, lru", nn + "glu", on_features(last(f.glu, dim=-1))),
        Source("mean_pool", "all", "torch.mean", lambda draw, *size: Layer(
            {"x": draw(*size)}, lambda v: {"y": v["x"].mean(1)}, {"dim": 1})),
        *(Source(op, of.get(op, ""), (nn if op not in ("exp", "sigmoid", "tanh") else "torch.") + op.removesuffix("_tanh"),
                 pointwise(function)) for op, function in simple.items()),
    ]


@contextlib.contextmanager
def in_double():
    """float64, also where a source casts to float32 on its way."""
    convert = torch.Tensor.to

    def to(self, *args, **named):
        single = any(one is torch.float32 for one in (*args, *named.values()))
        return self if single and self.dtype is torch.float64 else convert(self, *args, **named)
    torch.set_default_dtype(torch.float64)
    try:
        with mock.patch.object(torch.Tensor, "to", to), \
             mock.patch.object(torch.Tensor, "float", lambda self: to(self, torch.float32)):
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def computed(layer, cotangents, dtype):
    """Outputs and gradients, by the names in the file."""
    with in_double() if dtype is torch.float64 else contextlib.nullcontext():
        values = {name: x.to(dtype, copy=True).requires_grad_(name not in layer.constant) if x.is_floating_point() else x
                  for name, x in layer.inputs.items()}
        outputs = layer.function(values)
        found = {f"out.{name}": y for name, y in outputs.items()}
        leaves = {name: x for name, x in values.items() if x.requires_grad}
        if leaves:
            total = sum((y * cotangents[name].to(dtype)).sum() for name, y in outputs.items())
            gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
            found |= {f"grad_in.{name}": torch.zeros_like(x) if g is None else g
                      for (name, x), g in zip(leaves.items(), gradients)}
    return {name: x.detach() for name, x in found.items()}


def distance(got, want):
    """The largest |got - want| / max|want| over the tensors, as the program golden computes it."""
    def one(a, b):
        most, largest = b.abs().max().item(), (a.double() - b).abs().max().item()
        return largest / most if most > 0 else largest
    return max(one(got[name], x) for name, x in want.items() if x.numel())


def write_case(path, tensors, metadata):
    """A safetensors file."""
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    kinds = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    header, data, begin = {"__metadata__": text}, [x.contiguous().numpy().tobytes() for x in tensors.values()], 0
    for (name, x), part in zip(tensors.items(), data):
        header[name] = {"dtype": kinds[x.dtype], "shape": list(x.shape), "data_offsets": [begin, begin + len(part)]}
        begin += len(part)
    head = json.dumps(header).encode()
    path.write_bytes(b"".join([struct.pack("<Q", len(head)), head, *data]))


def layer_case(source, place, size, name, options, cases):
    draw = Draw(options.seed, name)
    theirs = [authors_module(options.authors / source.file)] if source.file else []
    layer = source.build(*theirs, draw, *size)
    with torch.no_grad():
        shapes = {name: y.shape for name, y in layer.function(layer.inputs).items()}
    cotangents = {name: draw(*shape) for name, shape in shapes.items()} if layer.inputs else {}
    want = computed(layer, cotangents, torch.float64)
    if not all(x.isfinite().all() for x in want.values()):
        raise Refusal(f"{source.source} gives what is not finite")
    single = distance(computed(layer, cotangents, torch.float32), want) if layer.inputs else None
    tensors = {f"in.{name}": x for name, x in layer.inputs.items()} | want
    tensors |= {f"grad_out.{name}": x for name, x in cotangents.items()}
    write_case(cases / f"{name}.safetensors", tensors, {
        "op": source.op, "case": name.partition(".")[2], **layer.attributes, "mixers": source.mixers, "source": source.source,
        "version": version(source.file, options.authors), "size": list(size), "seed": options.seed, "float32": single,
        "place": place})


def version(file, authors):
    pytorch = f"PyTorch {torch.__version__.partition('+')[0]}"
    if not file:
        return pytorch
    done = subprocess.run(["git", "-C", authors / file.split("/")[0], "rev-parse", "--short=10", "--show-prefix", "HEAD"],
                          capture_output=True, text=True)
    digest = hashlib.sha256((authors / file).read_bytes()).hexdigest()[:12]
    prefix, _, head = done.stdout.partition("\n")
    commit = f"commit {head.strip()}, " if done.returncode == 0 and not prefix else ""  # not that of a repository around
    return f"state-spaces/{file} ({commit}sha256 {digest}) on {pytorch}"


def model_case(name, options, cases):
    try:
        import transformers
    except ImportError:
        raise Refusal("needs transformers: pip install transformers") from None
    folder = cases / name
    (folder / "golden_io.safetensors").unlink(missing_ok=True)
    if not (folder / "model.safetensors").exists():
        raise Refusal(f"{folder} has no export: run the stage export first")
    _, batch, length = MODELS[name]
    kind = "Mamba2ForCausalLM" if name.startswith("hf_mamba2") else "MambaForCausalLM"
    model = getattr(transformers, kind).from_pretrained(folder, dtype=torch.float32).eval()
    draw = Draw(options.seed, name)
    ids, prompt = draw.integers(model.config.vocab_size, batch, length), draw.integers(model.config.vocab_size, 1, 8)

    def results():
        model.zero_grad()
        out = model(ids, labels=ids, use_cache=False)
        out.loss.backward()
        return {"out.logits": out.logits.detach(), "out.loss": out.loss.detach().reshape(1)} | {
            f"grad_param.{path}": p.grad.clone() for path, p in model.named_parameters()}
    single = results()
    with in_double():
        model.double()
        want = results()
        greedy = prompt
        with torch.no_grad():
            while greedy.shape[1] < 32:
                greedy = torch.cat([greedy, model(greedy, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    wrong = [path for path, x in want.items() if x.dtype is not torch.float64]
    if wrong:
        raise Refusal(f"not computed in float64: {', '.join(wrong)}")
    keys = ", ".join(f"{key} {value}" for key, value in MODELS[name][0].items() if key != "name")
    write_case(folder / "golden_io.safetensors", want | {"in.input_ids": ids, "in.prompt": prompt, "out.greedy": greedy}, {
        "op": name.partition(".")[0], "case": name.partition(".")[2], "mixers": MODELS[name][0]["name"], "source": kind,
        "version": f"transformers {transformers.__version__}, PyTorch {torch.__version__.partition('+')[0]}",
        "size": [batch, length], "keys": keys, "seed": options.seed, "float32": distance(single, want)})


def write_references(options, cases, models):
    if torch is None:
        raise Refusal("the stage reference needs PyTorch: pip install torch transformers")
    torch.set_num_threads(1)
    cases.mkdir(parents=True, exist_ok=True)
    for old in cases.glob("*.safetensors"):
        old.unlink()
    left_out = {}

    def attempt(name, write, *args):
        try:
            write(*args)
            say(f"reference  {name}")
        except Refusal as error:
            left_out[name] = str(error)
            say(f"left out   {name}: {error}")
    for name in models:
        attempt(name, model_case, name, options, cases)
    for place, source in enumerate(sources()):
        names = {f"{source.op}.b{b}_l{l}_w{w}": (b, l, w) for b, l, w in source.sizes}
        chosen = {name: size for name, size in names.items() if options.only in (None, name, source.op)}
        missing = source.file and not (options.authors and (options.authors / source.file).exists())
        if chosen and missing:
            why = f"needs {source.source} of state-spaces/{source.file}: --authors"
            left_out[source.op] = why
            say(f"left out   {source.op}: {why}")
            continue
        for name, size in chosen.items():
            attempt(name, layer_case, source, place, size, name, options, cases)
    (cases.parent / "left_out.json").write_text(json.dumps(left_out, indent=1))


# ---------------------------------------------------------------- check


def metadata_of(path):
    data = (path / "golden_io.safetensors" if path.is_dir() else path).open("rb")
    header = json.loads(data.read(struct.unpack("<Q", data.read(8))[0]))
    return header["__metadata__"] | {"tensors": [name for name in header if name != "__metadata__"]}


def check(options, cases):
    """Runs golden; the cases with what it said of them."""
    environment = os.environ | {"SEQTAPE_GOLDEN_DIR": str(cases), "SEQTAPE_GOLDEN_ERRORS": "1", "SEQTAPE_GOLDEN_SKIP": ""}
    done = subprocess.run([options.golden], env=environment, capture_output=True, text=True)
    results = []
    for line in done.stdout.splitlines():
        if found := re.match(r"(ok|FAIL) +(\S+)(?: +(\S+) +(\S+))?$", line):
            state, file, error, tensor = found.groups()
            results.append(metadata_of(cases / file) | {
                "name": file.removesuffix(".safetensors"), "ok": state == "ok", "told": [],
                "error": float(error) if error else math.inf, "tensor": tensor})
        elif line.startswith("      "):
            results[-1]["told"].append(line.strip())
    if not results:
        raise Refusal(f"{options.golden} ran no case:\n{done.stdout}{done.stderr}")
    for one in results:
        say(f"{'ok  ' if one['ok'] else 'FAIL'}       {one['name']:28} {shown(one['error']):8} "
            f"(the source in float32: {shown(json.loads(one['float32'])) or 'not asked'})")
        if not one["ok"]:
            authors = " --authors DIR" if one["version"].startswith("state-spaces/") else ""
            say("           " + "\n           ".join(one["told"]))
            say(f"           repeat: bench/conformance.py --only {one['name']} --seed {one['seed']}{authors}")
    return results


def shown(error):
    return "" if error is None else "0" if error == 0 else f"{error:.1e}"


def rows(results, label):
    """A table's row for each group of cases with one label."""
    for name, group in itertools.groupby(results, label):
        group = list(group)
        worst, first = max(group, key=lambda one: one["error"]), group[0]
        tensors = {tensor for one in group for tensor in one["tensors"]}
        outputs = sorted(tensor.removeprefix("out.") for tensor in tensors if tensor.startswith("out."))
        gradients = sorted(tensor.removeprefix("grad_in.") for tensor in tensors if tensor.startswith("grad_in."))
        what = ", ".join(outputs) + ("; gradients of " + ", ".join(gradients) if gradients else "")
        if first["op"].startswith("hf_"):
            what = f"{', '.join(outputs)}; gradients of all {sum(t.startswith('grad_param.') for t in tensors)} parameters"
        single = [json.loads(one["float32"]) for one in group if one["float32"] != "null"]
        sizes = [tuple(json.loads(one["size"])) for one in group]
        sizes = "" if sorted(sizes) == sorted(SIZES) else ", ".join("×".join(map(str, size)) for size in sorted(sizes))
        failed = sum(not one["ok"] for one in group)
        yield (f"| {first['mixers']} | {name} | {what} | {sizes} | {shown(worst['error'])} ({worst['tensor']})"
               f"{f', **{failed} FAIL**' if failed else ''} | {shown(max(single, default=None))} |")


def write_page(path, results, left_out, seeds):
    models = [one for one in results if one["op"].startswith("hf_")]
    layers = sorted((one for one in results if not one["op"].startswith("hf_")), key=lambda one: int(one["place"]))
    versions = {}
    for one in layers:
        versions.setdefault(one["version"], []).append(f"`{one['source']}`")
    listed = "\n".join(f"- {name}: {', '.join(dict.fromkeys(used))}" for name, used in sorted(versions.items()))
    good = sum(one["ok"] for one in results)
    default = ", ".join("×".join(map(str, size)) for size in SIZES)
    head = "| {} | | compared | {} | ours | source in float32 |\n|---|---|---|---|---|---|\n"
    of_models = "\n".join(rows(models, lambda one: f"`{one['source']}`: {one['keys']}"))
    of_layers = "\n".join(rows(layers, lambda one: f"{one['op']}: `{one['source']}`"))
    page = f"""# A second opinion

What `seqtape` computes, beside other programs: outputs and all gradients of {len(models)} models and {len(layers)} cases
of layers. {good} of {len(results)} agree within the tolerances of `tests/golden` (its README.md has them). Written by

```
bench/conformance.py --authors DIR      # DIR/mamba, DIR/s4: checkouts of state-spaces/mamba and state-spaces/s4
```

The source computes in float64, also where it casts to float32 on its way; ours computes in float32. "Ours" is the largest
|got - want| / max|want| over all tensors and cases of a row, with the tensor that has it; "source in float32" is the same for
the source's own float32. Random inputs, seed {seeds}; each case's are drawn from the seed and its name.

## Whole models

Trained by `seqtape train` for five steps, exported with `--format hf`, read by `from_pretrained`
({models[0]['version'] if models else 'not in this run'}). `greedy`: 24 tokens after a prompt of 8, ours step by step,
transformers' from all tokens again.

{head.format('mixer', 'batch × length')}{of_models}

## Layers

{head.format('mixers', 'batch × length × width')}{of_layers}

Batch × length × width, where a row has none: {default}. The width is of
channels, of a head, of `hippo_legs` the states; norms, softmax and GLU have eight features for each, the logits of cross
entropy 7 and 2 more. Sources:

{listed}

## Where sources disagree

{DISAGREEMENTS}

## Without a source

{WITHOUT_SOURCE}
"""
    if left_out:
        page += "\nLeft out in this run:\n\n" + "\n".join(f"- {name}: {why}" for name, why in left_out.items()) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    say(f"wrote      {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", default=",".join(STAGES), help="comma-separated; default: %(default)s")
    parser.add_argument("--authors", type=Path, metavar="DIR", help="folder with checkouts mamba/ and s4/")
    parser.add_argument("--only", metavar="NAME", help="one case (lstm.b1_l65_w6) or op (lstm); writes no page")
    parser.add_argument("--seed", type=int, default=1, help="of all inputs and of the models; default: 1")
    for flag, what, default, about in (
            ("--out", "FOLDER", "runs/conformance", "of the cases"), ("--page", "FILE", "docs/conformance.md", "to write"),
            ("--seqtape", "FILE", "build/release/seqtape", "the program"),
            ("--golden", "FILE", "build/release/tests/golden", "the test program")):
        parser.add_argument(flag, type=Path, metavar=what, default=ROOT / default, help=f"{about}; default: {default}")
    options = parser.parse_args()
    stages = options.stage.split(",")
    if unknown := set(stages) - set(STAGES):
        parser.error(f"--stage: unknown {', '.join(unknown)}; known: {', '.join(STAGES)}")
    folder = options.out / "only" if options.only else options.out
    cases = folder / "cases"
    models = [name for name in MODELS if options.only in (None, name, name.partition(".")[0])]
    try:
        for stage, program in (("export", options.seqtape), ("check", options.golden)):
            if stage in stages and not program.exists():
                raise Refusal(f"{program} is not there: cmake --preset release && cmake --build --preset release")
        if options.only and "export" in stages:
            shutil.rmtree(folder, ignore_errors=True)
        if "export" in stages:
            export_models(options.seqtape, folder, models, options.seed)
        if "reference" in stages:
            write_references(options, cases, models)
            if options.only and not any(cases.iterdir()):
                raise Refusal(f"no case {options.only}")
        if "check" in stages:
            results = check(options, cases)
            if not options.only:
                left_out = json.loads((folder / "left_out.json").read_text())
                write_page(options.page, results, left_out, ", ".join(sorted({one["seed"] for one in results})))
            failed = sum(not one["ok"] for one in results)
            say(f"conformance: {len(results) - failed} passed, {failed} failed")
            return failed != 0
    except Refusal as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    sys.exit(main())
