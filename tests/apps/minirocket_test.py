#!/usr/bin/env python3
"""MiniRocket's features by the paper's definition (arXiv 2012.08791, section 3), in double.

    minirocket_test.py FILE.json    {"channels", "series": [[[a step's channels]]], "drawn", "combinations", "biases", "features"}

Only which series and which channels were drawn is taken from the program. Exit code 77: there is no NumPy.
"""

import itertools
import json
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)


def convolved(series, kernel, dilation):
    """Output at every step, zeros around the series; summed over its channels."""
    steps = len(series)
    padded = np.pad(series, ((4 * dilation, 4 * dilation), (0, 0)))
    return sum(kernel[j] * padded[j * dilation:j * dilation + steps].sum(axis=1) for j in range(9))


def main():
    given = json.load(open(sys.argv[1]))
    series = [np.array(one) for one in given["series"]]
    steps = len(series[0])
    kernels = []
    for places in itertools.combinations(range(9), 3):
        kernels.append([2.0 if j in places else -1.0 for j in range(9)])
    # 32 dilations from 1 to the largest at which nine weights fit, on a scale of powers of two; equal ones share.
    exponents = np.linspace(0, np.log2((steps - 1) / 8), 32)
    dilations, times = np.unique(np.floor(2 ** exponents + 1e-9).astype(int), return_counts=True)
    biases_of = (times * (119 / 32)).astype(int)
    for i in range(119 - biases_of.sum()):
        biases_of[i % len(biases_of)] += 1
    quantiles = (np.arange(1, 9997) * ((np.sqrt(5) + 1) / 2)) % 1

    biases, features, pair = [], [[] for _ in series], 0
    for number, dilation in enumerate(dilations):
        for k, kernel in enumerate(kernels):
            channels = given["combinations"][pair]
            example = convolved(series[given["drawn"][pair]][:, channels], kernel, dilation)
            here = np.quantile(example, quantiles[len(biases):len(biases) + biases_of[number]])
            for one, out in zip(series, features):
                output = convolved(one[:, channels], kernel, dilation)
                if (number + k) % 2:
                    output = output[4 * dilation:steps - 4 * dilation]
                out.extend((output > bias).mean() for bias in here.astype(np.float32))
            biases.extend(here)
            pair += 1
    assert len(biases) == len(given["biases"]) == 9996, len(biases)
    worst_bias = np.abs(np.array(biases) - given["biases"]).max()
    worst = np.abs(np.array(features) - given["features"]).max()
    print(f"{len(series)} series of {steps} steps, {series[0].shape[1]} channels: "
          f"biases within {worst_bias:.1e}, features within {worst:.1e}")
    return not (worst_bias < 1e-5 and worst < 1e-6)


if __name__ == "__main__":
    sys.exit(main())
