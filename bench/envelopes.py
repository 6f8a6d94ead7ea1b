#!/usr/bin/env python3
"""Envelopes of convergence: what every shipped config reaches at three steps, and whether it still does.

  bench/envelopes.py sizes   --program build/release/seqtape    chooses a reduced size for configs that have none
  bench/envelopes.py record  --program build/release/seqtape    trains ten seeds of each, writes means and deviations
  bench/envelopes.py check   --program build/release/seqtape    trains two fresh seeds, fails outside the band
  bench/envelopes.py show                                       the bands

The sizes and the values are in bench/envelopes.json. A run is `seqtape train CONFIG` with the overrides written there, on
one thread, with three evaluations; the metric is the config's train.best in validation (loss, unless it says otherwise).
`record` keeps finished runs in --work, and goes on from there when it is started again. Configs whose data are not here
(scripts/fetch_data.sh) are named and left out.

The band is that of one further value after ten: mean +- t * deviation * sqrt(1 + 1/10), t of Student's distribution with
9 degrees of freedom. Losses are compared as logarithms and accuracies as angles, asin(sqrt(a)): a band then ends above 0
and below 1, so that "too good" is seen as well. A whole check makes configs * 3 steps * 2 seeds comparisons, m; each is
made at the level 0.01 / m (Bonferroni), so that a whole check of a sound program passes in 99 of 100 cases. m counts all
that is recorded, also when only some configs are checked: the verdict on a config is the same alone. The deviation is
at least the metric's own sampling error: of an angle, 1 / (2 sqrt(n)) with n validation answers (binomial); of a loss,
FLOOR of it.
"""
import argparse
import concurrent.futures
import glob
import json
import math
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "bench/envelopes.json"
LEVEL = 0.01  # of a whole check that fails by chance
FLOOR = 0.002  # least deviation of a loss, as a share of it
MOST_STEPS = 1500

# What makes a task small enough to be learnt, in part, within the budget; the same for all of its models. The steps are
# chosen by time.
REDUCED = {
    "adding": {"task.length": 50, "train.batch": 16},
    "associative_recall": {"task.length": 9, "task.keys": 8, "task.values": 4, "train.batch": 32},
    "births": {"task.length": 112, "task.eval_stride": 4, "train.batch": 16},
    "copying": {"task.length": 30, "task.items": 5, "train.batch": 16},
    "dna": {"task.length": 128, "task.train_fraction": 0.995},
    "group_word": {"task.length": 16, "task.grow_steps": 300, "train.batch": 16, "train.eval_lengths": "[]"},
    "induction_heads": {"task.length": 64, "train.batch": 16},
    "listops": {"task.length": 100, "task.shortest": 20, "task.depth": 3, "task.arguments": 5, "train.batch": 16},
    "mqar": {"task.length": 32, "task.pairs": 2, "task.vocab": 32, "train.batch": 16},
    "parity": {"task.length": 16, "train.batch": 16},
    "pathfinder": {"task.eval_sequences": 128, "train.batch": 8, "model.d_model": 32, "model.layers": 2},
    "psmnist": {"task.validation": 250, "train.batch": 8, "model.d_model": 32, "model.layers": 2},
    "selective_copying": {"task.length": 40, "task.items": 4, "task.vocab": 8, "train.batch": 16},
    "smnist": {"task.validation": 250, "train.batch": 8, "model.d_model": 32, "model.layers": 2},
    "sounds": {"task.length": 1024, "task.validation_fraction": 0.05, "train.batch": 8, "model.layers": 2},
    "spam": {"task.length": 256},
    "species": {"task.length": 256, "task.validation_fraction": 0.01, "train.batch": 16},
    "text": {"task.length": 128, "task.train_fraction": 0.99, "train.batch": 8, "model.d_model": 64},
}
# What changes no value: no checkpoints but the last, few lines.
QUIET = {"train.checkpoint_every": 10**9, "train.log_every": 10**9, "train.tensorboard": "false", "train.patience": 0}


class RunFailed(Exception):
    pass


def train(program, config, overrides, seed):
    """{"points": [[step, metrics]], "cpu": seconds of processor time} of one run in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="envelopes-") as folder:
        command = [program, "train", str(ROOT / config), "--out", folder + "/run", "--threads", "1"]
        for key, value in {**QUIET, **overrides, "seed": seed}.items():
            command += ["--set", f"{key}={value}"]
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            lines = errors.strip().splitlines() or ["no message"]
            raise RunFailed(f"{config}, seed {seed}: exit {process.returncode}: {lines[-1]}")
        lines = map(json.loads, open(folder + "/run/metrics.jsonl"))
        points = [[line["step"], line] for line in lines if line["split"] == "validation"]
        return {"points": points, "cpu": usage.ru_utime + usage.ru_stime}


def absent_data(config):
    """The first of the config's data files that is not here, or None."""
    task = json.loads((ROOT / config).read_text())["task"]
    for key in ("path", "images", "labels", "test_images", "test_labels"):
        paths = task.get(key, [])
        for path in [paths] if isinstance(paths, str) else paths:
            if not (ROOT / config).parent.joinpath(path).exists():
                return path
    return None


def choose_size(program, config, budget):
    """The task's reduction, and as many steps as fit the budget: a multiple of 3, at most those of the config."""
    values = json.loads((ROOT / config).read_text())
    chosen = dict(REDUCED.get(config.split("/")[1], {}))
    if "longest" in values["task"]:  # sequences grow from a third of the run on, as far as 4 and 8 times
        chosen["task.longest"] = chosen["task.length"] * (4 if values["task"]["longest"] <= 4096 else 8)

    def seconds(steps):
        growth = {"task.grow_from": 0, "task.grow_every": max(1, steps // 6)} if "task.longest" in chosen else {}
        overrides = {**chosen, **growth, "train.steps": steps, "train.eval_every": steps // 3}
        return train(program, config, overrides, 1)["cpu"]

    few, more = seconds(3), 30
    while (longer := seconds(more)) - few < 0.5 + 0.2 * few and more < 1000:
        more *= 3
    step = max(1e-4, (longer - few) / (more - 3))
    steps = min(values["train"]["steps"], MOST_STEPS, max(30, (budget - few) / step))
    third = int(float(f"{steps / 3:.2g}"))
    if "task.longest" in chosen:
        chosen.update({"task.grow_from": third, "task.grow_every": third // 3})
    return {**chosen, "train.steps": 3 * third, "train.eval_every": third}


def tail(t, df):
    """P(|T| > t) of Student's T: with T = sqrt(df) tan(a), the density of a goes with cos(a)^(df - 1). Simpson's rule."""
    def area(low, pieces=400):
        width = (math.pi / 2 - low) / pieces
        weights = ((1 if i in (0, pieces) else 4 if i % 2 else 2) for i in range(pieces + 1))
        return width / 3 * sum(w * math.cos(low + i * width) ** (df - 1) for i, w in enumerate(weights))
    return area(math.atan(t / math.sqrt(df))) / area(0)


def quantile(level, df):
    """t with P(|T| > t) = level."""
    low, high = 0.0, 1e6
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, df) > level else (low, middle)
    return high


class Band:
    """Of one further value after those that are given, on the metric's scale; `level` is that of this one comparison."""

    def __init__(self, metric, values, answers, level):
        self.accuracy = "accuracy" in metric.split("@")[0]
        scaled = [self.scale(value) for value in values]
        floor = 1 / (2 * math.sqrt(answers)) if self.accuracy else FLOOR
        self.middle = statistics.mean(scaled)
        deviation = max(floor, statistics.stdev(scaled))
        self.half = quantile(level, len(values) - 1) * deviation * math.sqrt(1 + 1 / len(values))

    def scale(self, value):
        return math.asin(math.sqrt(min(1, value))) if self.accuracy else math.log(max(value, 1e-30))

    def verdict(self, value):
        """None, or what is wrong with the value."""
        if not math.isfinite(value):
            return "not a number"
        off = self.scale(value) - self.middle
        return None if abs(off) <= self.half else "too good" if (off > 0) == self.accuracy else "too bad"

    def ends(self):
        low, high = self.middle - self.half, self.middle + self.half
        if self.accuracy:
            return math.sin(max(0, low)) ** 2, math.sin(min(math.pi / 2, high)) ** 2
        return math.exp(low), math.exp(high)


def comparisons(envelopes, seeds):
    return max(1, seeds * sum(len(entry.get("steps", {})) for entry in envelopes.values()))


def odd_ones(entry, level):
    """Recorded values that lie outside the band of the others: then these seeds are not of one kind."""
    found = []
    for step, at in entry["steps"].items():
        for i, value in enumerate(at["values"]):
            rest = at["values"][:i] + at["values"][i + 1:]
            if Band(entry["metric"], rest, entry["answers"], level).verdict(value):
                found.append(f"{entry['metric']} {value:.4g} at step {step}")
    return found


def save(path, envelopes):
    """One line for each config and step."""
    lines = []
    for config, entry in sorted(envelopes.items()):
        entry = {**entry, "steps": {}} if "steps" not in entry else entry
        head = ", ".join(f'"{key}": {json.dumps(value)}' for key, value in entry.items() if key != "steps")
        steps = ",\n".join(f'    "{step}": {json.dumps(at)}' for step, at in entry["steps"].items())
        lines.append(f'"{config}": {{{head}, "steps": {{' + (f"\n{steps}}}}}" if steps else "}}"))
    part = path.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    part.replace(path)


def load(path):
    return json.loads(path.read_text()) if path.exists() else {}


def selected(patterns):
    """Configs with data here; the others are named."""
    found = sorted({path for pattern in patterns for path in glob.glob(pattern, root_dir=ROOT)})
    found = [path for path in found if not path.startswith("configs/compare/")]
    if not found:
        sys.exit(f"error: no config matches {' '.join(patterns)}")
    for config in found:
        if absent := absent_data(config):
            print(f"{config}: no data here ({absent})", flush=True)
    return [config for config in found if not absent_data(config)]


def run_sizes(options):
    envelopes = load(options.out)
    configs = selected(options.configs)
    for config in configs:
        if options.again or config not in envelopes:
            envelopes[config] = {"set": choose_size(options.program, config, options.budget)}
            save(options.out, envelopes)
            print(f"{config}: {envelopes[config]['set']}", flush=True)
    return envelopes, configs


def run_record(options):
    start = time.monotonic()
    envelopes, configs = run_sizes(options)
    options.work.mkdir(parents=True, exist_ok=True)

    def one(config, seed):
        """The run's result, from the work folder where it is there; None after the time limit."""
        overrides = envelopes[config]["set"]
        kept = options.work / f"{config.removesuffix('.json').replace('/', '-')}-{seed}.json"
        if kept.exists() and (result := json.loads(kept.read_text()))["set"] == overrides:
            return result
        if options.limit_seconds and time.monotonic() - start > options.limit_seconds:
            return None
        result = {"set": overrides, **train(options.program, config, overrides, seed)}
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(result))
        part.replace(kept)
        return result

    left, failed = 0, []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {config: [pool.submit(one, config, seed) for seed in options.seeds] for config in configs}
        for config, futures in runs.items():
            try:
                results = [future.result() for future in futures]
            except RunFailed as failure:
                failed.append(config)
                print(f"FAILED {failure}", flush=True)
                continue
            if None in results:
                left += results.count(None)
                continue
            metric = json.loads((ROOT / config).read_text())["train"].get("best", "loss")
            entry = {"set": envelopes[config]["set"], "metric": metric, "answers": results[0]["points"][0][1]["n"],
                     "seeds": options.seeds, "steps": {}}
            for i, (step, _) in enumerate(results[0]["points"]):
                values = [float(f"{result['points'][i][1][metric]:.6g}") for result in results]
                entry["steps"][str(step)] = {"mean": float(f"{statistics.mean(values):.4g}"),
                                             "deviation": float(f"{statistics.stdev(values):.3g}"), "values": values}
            envelopes[config] = entry
            save(options.out, envelopes)
            text = ", ".join(f"{step}: {at['mean']} +- {at['deviation']}" for step, at in entry["steps"].items())
            cpu = statistics.mean(result["cpu"] for result in results)
            print(f"{config}: {cpu:.1f} s a run; {metric} at {text}", flush=True)
    level = LEVEL / comparisons(envelopes, 2)
    for config in configs:
        for odd in odd_ones(envelopes[config], level) if "steps" in envelopes[config] else []:
            print(f"warning: {config}: {odd} is outside the band of the other seeds: choose other steps")
    print(f"{time.monotonic() - start:.0f} s; " + (f"{left} runs are left: start again with the same --work" if left else
                                                   "no run is left"))
    return 1 if failed else 2 if left else 0


def run_check(options):
    envelopes = load(options.out)
    configs = []
    for config in selected(options.configs):
        if envelopes.get(config, {}).get("steps"):
            configs.append(config)
        else:
            print(f"{config}: nothing recorded", flush=True)
    m = comparisons(envelopes, len(options.seeds))
    level = LEVEL / m
    print(f"{m} comparisons in a whole check, each at the level {LEVEL} / {m} = {level:.2g}: "
          f"t = {quantile(level, 9):.2f} with 9 degrees of freedom", flush=True)
    seeds = ",".join(map(str, options.seeds))
    program, out = shlex.quote(options.program), "" if options.out == OUT else f" --out {shlex.quote(str(options.out))}"
    extra = "".join(f" --set {shlex.quote(f'{key}={value}')}" for key, value in options.set.items())
    failed = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {config: [pool.submit(train, options.program, config, {**envelopes[config]["set"], **options.set}, seed)
                         for seed in options.seeds] for config in configs}
        for config, futures in runs.items():
            entry, wrong, shown = envelopes[config], [], []
            bands = {step: Band(entry["metric"], at["values"], entry["answers"], level)
                     for step, at in entry["steps"].items()}
            for seed, future in zip(options.seeds, futures):
                try:
                    values = {str(step): metrics[entry["metric"]] for step, metrics in future.result()["points"]}
                except RunFailed as failure:
                    wrong.append(str(failure))
                    continue
                shown.append(" ".join(f"{value:.4g}" for value in values.values()))
                for step, band in bands.items():
                    value = values.get(step, math.nan)
                    if verdict := band.verdict(value):
                        low, high = band.ends()
                        wrong.append(f"{config}, step {step}, seed {seed}: {entry['metric']} {value:.5g} is {verdict}: "
                                     f"the band is {low:.5g} to {high:.5g}")
            print(f"{'FAILED' if wrong else 'ok'} {config}: {'; '.join(shown)}", flush=True)
            if wrong:
                failed.append(config)
                print(*("  " + line for line in wrong), sep="\n")
                print(f"  again: bench/envelopes.py check --program {program}{out} --configs {config} --seeds {seeds}{extra}",
                      flush=True)
    print(f"{len(configs) - len(failed)} of {len(configs)} configs are within their bands")
    return 1 if failed else 0


def run_show(options):
    envelopes = load(options.out)
    level = LEVEL / comparisons(envelopes, 2)
    for config, entry in envelopes.items():
        for step, at in entry["steps"].items():
            low, high = Band(entry["metric"], at["values"], entry["answers"], level).ends()
            print(f"{config:45} step {step:>5} {entry['metric']:8} {at['mean']:9.4g} +- {at['deviation']:8.3g}   "
                  f"band {low:9.4g} to {high:9.4g}")
        if not entry["steps"]:
            print(f"{config:45} nothing recorded")


def seed_list(text):
    """"1-10" or "101,102"."""
    ranges = [list(map(int, part.split("-"))) for part in text.split(",")]
    return [seed for ends in ranges for seed in range(ends[0], ends[-1] + 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("sizes", "record", "check", "show"):
        command = commands.add_parser(name)
        command.add_argument("--out", type=pathlib.Path, default=OUT)
        if name != "show":
            command.add_argument("--program", required=True, type=os.path.abspath)
            command.add_argument("--configs", nargs="+", default=["configs/*/*.json"], help="patterns, from the root")
        if name in ("sizes", "record"):
            command.add_argument("--budget", type=float, default=14, help="seconds of a run, where its size is chosen")
            command.add_argument("--again", action="store_true", help="choose new sizes")
        if name in ("record", "check"):
            command.add_argument("--seeds", type=seed_list, default="1-10" if name == "record" else "101,102")
            command.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time, one thread each")
        if name == "record":
            command.add_argument("--work", type=pathlib.Path, default=ROOT / "build/envelopes", help="keeps finished runs")
            command.add_argument("--limit-seconds", type=float, default=0, help="start no run after so many")
        if name == "check":  # to see it fail
            command.add_argument("--set", action="append", default=[], type=lambda text: tuple(text.split("=", 1)),
                                 help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.command == "check":
        options.set = dict(options.set)
    if options.command == "record" and len(options.seeds) < 4:
        parser.error("--seeds: a deviation needs at least 4 seeds")
    if options.command == "sizes":
        run_sizes(options)
        return 0
    return {"record": run_record, "check": run_check, "show": run_show}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
