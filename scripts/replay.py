#!/usr/bin/env python3
"""Runs two builds of seqtape on the same cases and compares what they leave, bit by bit.

    scripts/replay.py BEFORE AFTER [PATTERN]      PATTERN: only the cases whose names contain it

The cases are read from the earlier program's schema, so that no list of mixers or keys is kept here: each mixer as it is, each
value of its switches and choices, each with the trainer's own (dropout, averages, micro-batches, carried state), and each task
that needs no data. Each is trained for 20 steps on every instruction set of this processor, on 1 and 2 threads; language models
then write 64 tokens; every case is exported to C and ONNX on the first setting. A C program whose text differs is built and must
print the same; everything else is compared byte for byte. Exit code 1: something differs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS, TOKENS = 20, 64
LANGUAGE = {"name": "text", "path": "text.txt", "length": 32}
LABELLED = {"name": "parity", "length": 32, "eval_sequences": 4}
CLOCK = {"tokens_per_second", "seconds"}  # the fields of metrics.jsonl that no two runs share


def program(binary, folder, *arguments, isa, threads):
    environment = os.environ | {"SEQTAPE_ISA": isa, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([binary, *arguments], cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout, done.stderr


def alternatives(properties):
    """(key, value) for each value of a switch or a choice that is not the default."""
    for key, rule in properties.items():
        values = rule.get("enum", [True, False] if rule.get("type") == "boolean" else [])
        yield from ((key, value) for value in values if value != rule.get("default"))


def cases(schema):
    """Name and config of each case."""
    training = {"steps": STEPS, "batch": 4, "eval_every": STEPS, "log_every": 1, "tensorboard": False}
    models = {one["properties"]["name"]["const"]: one["properties"] for one in schema["properties"]["model"]["anyOf"]
              if "const" in one["properties"]["name"]}
    shared = set.intersection(*(set(keys) for keys in models.values()))
    trainer = {"train.ema": 0.9, "train.micro_batch": 2, "model.dropout": 0.1, "task.carry": True}

    def case(name, model, task=LANGUAGE, **changed):
        config = {"seed": 1, "task": dict(task), "model": {"d_model": 16, "layers": 2, **model},
                  "optimizer": {"name": "adamw"}, "train": dict(training)}
        for path, value in changed.items():
            section, key = path.split(".")
            config[section][key] = value
        return name, config

    for index, (mixer, properties) in enumerate(models.items()):
        yield case(mixer, {"name": mixer})
        yield case(f"{mixer}, trainer", {"name": mixer}, **trainer)
        for key, value in alternatives(properties):
            if key not in shared or index == 0:  # what all models share is asked of one
                yield case(f"{mixer}, {key} {value}", {"name": mixer, key: value})
    first = next(iter(models))
    for task in schema["properties"]["task"]["anyOf"]:
        keys = task["properties"]
        if "path" not in keys and "const" in keys["name"]:
            name = keys["name"]["const"]
            yield case(f"task {name}", {"name": first}, {"name": name, **({"eval_sequences": 4} if "eval_sequences" in keys else {})})


def losses(path):
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCK} for line in path.open()]


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def built_and_run(folder):
    """What an exported C program writes after a prompt, or answers to a sequence."""
    subprocess.run("cc -O1 -std=c99 model.c -lm -o model", shell=True, cwd=folder, check=True)
    text = (folder / "model.c").read_text()
    size = {key: int(value) for key, value in re.findall(r"#define (\w+) (\d+)", text)}
    if "[TOKENS" in text:  # it generates
        prompt = "the " if size["BYTES"] else "1 0 1"
        return subprocess.run(["./model", "model.bin", prompt, str(TOKENS)], cwd=folder, capture_output=True).stdout
    numbers = [i * i % size["VOCAB"] if size["VOCAB"] else i * i % 7 / 8 for i in range(TOKENS * max(1, size["FEATURES"]))]
    text = "".join(map(chr, numbers)) if size["BYTES"] else " ".join(map(str, numbers))
    return subprocess.run(["./model", "model.bin"], cwd=folder, input=text.encode(), capture_output=True).stdout


def left_by(binary, folder, config, isa, threads, exports):
    """Runs one case in `folder`; what it left, by name."""
    folder.mkdir(parents=True)
    (folder / "c.json").write_text(json.dumps(config))
    (folder / "text.txt").write_text(TEXT)
    run = lambda *arguments: program(binary, folder, *arguments, isa=isa, threads=threads)
    code, _, message = run("train", "c.json", "--out", "run")
    left = {"train": (code, message if code else "")}
    if code:
        return left
    left["metrics"] = losses(folder / "run/metrics.jsonl")
    left["weights"] = (folder / f"run/checkpoints/step-{STEPS:08d}/model.safetensors").read_bytes()
    if config["task"]["name"] == LANGUAGE["name"]:
        left["generate"] = run("generate", "run", "--prompt", "the ", "--tokens", str(TOKENS), "--json")[:2]
    for form, out in (("onnx", "onnx"), ("c", "c")) if exports else ():
        code, _, message = run("export", "run", "--format", form, "--out", out)
        left[form] = files(folder / out) if code == 0 else message
    return left


def instruction_sets(binary, config):
    """Those on which the program trains this config: it refuses what the processor does not have."""
    def trains(isa):
        with tempfile.TemporaryDirectory() as work:
            return "weights" in left_by(binary, Path(work) / "run", config, isa, 1, exports=False)
    return [isa for isa in ("avx512", "avx2", "base") if trains(isa)]


def differences(binaries, config, sets):
    """Whether the earlier program trained it, its message where it did not, and what differs on which setting."""
    wrong, trained, message = [], False, ""
    for isa in sets:
        for threads in (1, 2):
            with tempfile.TemporaryDirectory() as work:
                folders = [Path(work) / "before", Path(work) / "after"]
                exports = isa == sets[0] and threads == 1
                old, new = (left_by(*pair, config, isa, threads, exports) for pair in zip(binaries, folders))
                trained |= "weights" in old
                message = old["train"][1].strip()
                for what in sorted(old.keys() | new.keys()):
                    one, other = old.get(what), new.get(what)
                    if one != other and not (what == "c" and same_program(one, other, folders)):
                        wrong.append(f"{what} ({isa}, {threads} threads)")
    return trained, message, wrong


def same_program(one, other, folders):
    """Whether two C exports that differ as text have the same weights and write the same."""
    if not (isinstance(one, dict) and isinstance(other, dict) and one["model.bin"] == other["model.bin"]):
        return False
    before, after = (built_and_run(folder / "c") for folder in folders)
    return before == after != b""


def main():
    binaries = [str(Path(path).resolve()) for path in sys.argv[1:3]]
    pattern = sys.argv[3] if len(sys.argv) > 3 else ""
    schema = json.loads(subprocess.run([binaries[0], "schema"], check=True, capture_output=True, text=True).stdout)
    asked = list(cases(schema))
    sets = instruction_sets(binaries[0], asked[0][1])
    chosen = [case for case in asked if pattern in case[0]] if sets else []
    print(f"{len(chosen)} cases on {', '.join(sets)}, 1 and 2 threads", flush=True)
    different = refused = 0
    for name, config in chosen:
        trained, message, wrong = differences(binaries, config, sets)
        if not trained and not wrong:  # a model that reads later steps cannot continue a text
            trained, message, wrong = differences(binaries, config | {"task": LABELLED}, sets)
        different += bool(wrong)
        refused += not trained and not wrong
        verdict = "DIFFERS: " + ", ".join(wrong) if wrong else "same" if trained else "refused alike: " + message
        print(f"{name}: {verdict}", flush=True)
    print(f"replay: {len(chosen) - different - refused} same, {refused} refused alike, {different} differ")
    return 1 if different or refused == len(chosen) else 0


# Some words, so that losses fall: drawn by a fixed rule.
TEXT = " ".join(("the", "sea", "sings", "of", "stone", "and", "salt", "all", "night")[i * i * 7 % 9 + i % 3 - 3] for i in range(1200))

if __name__ == "__main__":
    sys.exit(main())
