#!/usr/bin/env python3
"""What the program `golden` must not believe: trust_test.py GOLDEN"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def write(path, metadata, tensors):
    """A safetensors file; tensors: name -> list of numbers."""
    header, data = {"__metadata__": metadata}, b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def case(x, y=None, op="sigmoid", cotangent=None, slope=None, **metadata):
    y = [sigmoid(v) for v in x] if y is None else y
    cotangent = [1.0] * len(x) if cotangent is None else cotangent
    slope = [c * sigmoid(v) * (1 - sigmoid(v)) for c, v in zip(cotangent, x)] if slope is None else slope
    return {"op": op, **metadata}, {"in.x": x, "out.y": y, "grad_out.y": cotangent, "grad_in.x": slope}


INF, NAN = math.inf, math.nan
X = [-1.0, 0.5, 2.0, 0.25]
SLOPE = [1.0, 0.5, 2.0]
CASES = {  # name: case, what the program must say ("ok", or a part of the problem)
    "right": (case(X), "ok"),
    "wrong": (case(X, y=[0.3, 0.6, 0.9, 0.6]), "out.y[3]: got"),
    "nan-expected": (case(X, y=[NAN, *map(sigmoid, X[1:])]), "out.y[0]: got"),
    "nan-for-nan": (case([NAN, *X[1:]], y=[NAN, *map(sigmoid, X[1:])]), "out.y[0]: got"),
    "nan-got": (case([NAN, *X[1:]], y=[0.5, *map(sigmoid, X[1:])]), "out.y[0]: got"),
    "inf-expected": (case(X, y=[INF, *map(sigmoid, X[1:])]), "out.y[0]: got"),
    "inf": (case([INF, 1.0, 2.0], [INF, 1.0, 2.0], "relu", SLOPE, SLOPE), "ok"),
    "inf-other-sign": (case([INF, 1.0, 2.0], [-INF, 1.0, 2.0], "relu", SLOPE, SLOPE), "out.y[0]: got"),
    "inf-hides-nothing": (case([INF, 1.0, 2.0], [INF, 7.0, 2.0], "relu", SLOPE, SLOPE), "out.y[1]: got"),
    "zeros": (case(X, cotangent=[1.0, 0.0, 0.0, 2.0]), "mistrusted: grad_in.x: 50 % are zeros"),
    "zeros-said-why": (case(X, cotangent=[1.0, 0.0, 0.0, 2.0], zeros="half of the cotangents are 0"), "ok"),
    "one-value": (case([0.5] * 3, cotangent=[1.0, 2.0, 3.0]), "mistrusted: out.y: all are "),
    "one-element": (case([0.5]), "ok"),
    "relu": (case([-1.0, 2.0, -3.0, 1.0], [0.0, 2.0, 0.0, 1.0], "relu", [2.0, 1.0, 1.0, 3.0], [0.0, 1.0, 0.0, 3.0]), "ok"),
    "relu-of-nothing": (case([-1.0, -2.0], [0.0, 0.0], "relu", slope=[0.0, 0.0]), "mistrusted: out.y: 100 % are zeros"),
}


def main():
    failures = 0
    for name, ((metadata, tensors), expected) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / f"{name}.safetensors", metadata, tensors)
            chosen = {"SEQTAPE_GOLDEN_DIR": folder, "SEQTAPE_GOLDEN_ERRORS": "1", "SEQTAPE_GOLDEN_SKIP": ""}
            done = subprocess.run([sys.argv[1]], env=os.environ | chosen, capture_output=True, text=True)
        first = done.stdout.splitlines()[0]
        told = (first.split()[0] == "ok" and done.returncode == 0 and len(first.split()) == 4 if expected == "ok"
                else done.returncode == 1 and first.startswith("FAIL") and expected in done.stdout)
        if not told:
            failures += 1
            print(f"{name}: must say {expected!r}, says:\n{done.stdout}{done.stderr}")
    print(f"{len(CASES) - failures} passed, {failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
