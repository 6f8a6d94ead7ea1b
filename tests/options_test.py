#!/usr/bin/env python3
"""Every option of every task that reads files goes through train, eval, predict, generate and export.

  options_test.py SEQTAPE

Each case below is a task with some of its keys set. It trains two steps, is scored on its test split and on a file of new
data, answers for new data, and is exported as C. A key that the schema has and no case sets fails the test.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import your_data_test as made  # noqa: E402

CLASSES = {"validation_fraction": 0.2, "test_fraction": 0.2, "length": 64}
LANGUAGE = {"length": 16, "train_fraction": 0.8, "test_fraction": 0.1}
SERIES = {"columns": ["sales", "weather"], "targets": ["sales"], "categorical": ["weather"], "time": "date",
          "missing": "linear", "length": 16, "horizon": 3, "season": 7, "eval_stride": 20, "train_fraction": 0.7,
          "test_fraction": 0.2}
PANEL = {"path": "shops.csv", "id": "shop", "time": "day", "columns": ["sales"], "known_future": ["promotion"],
         "static": ["town"], "categorical": ["town"], "length": 28, "horizon": 5, "season": 7, "eval_stride": 20}
IDX = {"images": "pictures/train-images-idx3-ubyte", "labels": "pictures/train-labels-idx1-ubyte", "side": 8,
       "classes": 0, "validation": 40}
TESTED = {"test_images": "pictures/t10k-images-idx3-ubyte", "test_labels": "pictures/t10k-labels-idx1-ubyte"}

# Task: what its new data are, what `eval --data` scores, and its cases.
TASKS = {
    "documents": ("inbox", "texts", [
        {"path": "texts", **CLASSES, "classes": 3, "split": "stratified", "class_weights": "balanced"},
        {"train_path": "texts", "validation_path": "texts", "test_path": "texts", "length": 64, "longer": "cut"},
        {"path": "texts", **CLASSES, "length": 4096, "longer": "refuse", "group": "[0-9]+"},
        {"path": "grouped.tsv", **CLASSES, "group_column": 2}]),
    "audio": ("heard", "recordings", [
        {"path": "recordings", **CLASSES, "classes": 5, "rate": 4000, "normalise": False, "split": "stratified"},
        {"train_path": "recordings", "validation_path": "recordings", "test_path": "recordings", "length": 64,
         "class_weights": "balanced", "longer": "cut"},
        {"path": "recordings", **CLASSES, "length": 600, "longer": "refuse", "rate": 8000, "group": "[0-9]+"},
        {"path": "recordings", **CLASSES, "features": "logmel", "window": 32, "hop": 16, "bands": 5, "min_hertz": 50,
         "max_hertz": 3000, "augment": {"crop": True, "shift": 8, "gain": 3, "noise": 0.1, "time_masks": 1, "time_mask": 2,
                                        "band_masks": 1, "band_mask": 2}}]),
    "dna_classes": ("unknown", "genomes", [
        {"path": "genomes", **CLASSES, "classes": 2, "class_weights": "balanced", "longer": "cut"},
        {"path": "genomes", **CLASSES, "validation_fraction": 0.33, "test_fraction": 0.33, "group": "[^/]+$",
         "split": "stratified"},
        {"train_path": "genomes", "validation_path": "genomes", "test_path": "genomes", "length": 64}]),
    "series_classes": ("Waves_TEST.tsv", "Waves_TEST.tsv", [
        {"path": "Waves_TRAIN.tsv", **CLASSES, "classes": 2, "normalise": True, "split": "stratified",
         "class_weights": "balanced"},
        {"train_path": "Waves_TRAIN.tsv", "validation_path": "Waves_TEST.tsv", "test_path": "Waves_TEST.tsv",
         "length": 40, "longer": "cut", "augment": {"shift": 3, "noise": 0.1}},
        {"path": "Waves_TRAIN.tsv", **CLASSES, "longer": "refuse", "group_column": 61}]),
    "arrays": ("more.npz", "motions.npz", [
        {"path": "motions.npz", **CLASSES, "classes": 2, "channels": 2, "normalise": True, "split": "stratified",
         "class_weights": "balanced"},
        {"train_path": "motions.npz", "validation_path": "motions.npz", "test_path": "motions.npz", "length": 30,
         "longer": "cut", "augment": {"crop": True, "gain": 3}}]),
    "arrays  ": ("X.npy", "X.npy", [{"path": "X.npy", "labels": "classes.npy", **CLASSES, "longer": "refuse"}]),
    "arrays ": ("motions.jsonl", "motions.jsonl", [{"path": "motions.jsonl", **CLASSES, "length": 64}]),
    "arrays   ": ("watched.jsonl", "machines.npz", [
        {"path": "machines.npz", **CLASSES, "target": "class_per_step", "class_weights": "balanced"}]),
    "documents  ": ("unread.jsonl", "rated.jsonl", [
        {"path": "rated.jsonl", **CLASSES, "target": "numbers", "target_names": ["stars", "pages"]}]),
    "arrays    ": ("tagged_X.npy", "tagged_X.npy", [
        {"path": "tagged_X.npy", "labels": "tags.npy", **CLASSES, "target": "labels", "target_names": ["rough", "red"]}]),
    "documents ": ("unread.jsonl", "mails.jsonl", [{"path": "mails.jsonl", **CLASSES}]),
    "series": ("sales.csv", "sales.csv", [
        {"path": "sales.csv", **SERIES, "calendar": ["day_of_week", "day_of_year"]},
        {"path": "sales.csv", **SERIES, "missing": "mask"},
        {"path": "sales.csv", **SERIES, "missing": "forward"},
        {"train_path": "sales.csv", "validation_path": "sales.csv", "test_path": "sales.csv", **SERIES}]),
    "series ": ("shops.csv", "shops.csv", [
        {**PANEL, "normalise": "window", "sampling": "entities", "loss": "quantile", "levels": [0.1, 0.5, 0.9]},
        {**PANEL, "split": "entity", "train_fraction": 0.5, "test_fraction": 0.25, "loss": "gaussian",
         "normalise": "window"},
        {**PANEL, "normalise": "window", "loss": "student_t", "degrees_of_freedom": 3}]),
    "images": ("pictures/t10k-images-idx3-ubyte", "pictures/t10k-images-idx3-ubyte", [
        {**IDX, **TESTED, "order": "permuted", "format": "idx"},
        {**IDX, **TESTED, "tokens": True, "validation_images": TESTED["test_images"],
         "validation_labels": TESTED["test_labels"]}]),
    "images ": ("cifar.bin", "cifar.bin", [
        {"format": "cifar10", "images": ["cifar.bin"], "test_images": ["cifar.bin"], "side": 32, "classes": 10,
         "validation": 4, "color": color} for color in ("rgb", "grey")]),
    "text": ("new.txt", "new.txt", [
        {"path": "stories", **LANGUAGE, "carry": True},
        {"path": ["stories", "new.txt"], **LANGUAGE, "alphabet": "auto"},
        {"train_path": "stories", "validation_path": "new.txt", "test_path": "new.txt", "length": 16}]),
    "dna": ("genome.fasta", "genome.fasta", [
        {"path": "genome.fasta", **LANGUAGE, "carry": True},
        {"train_path": "genome.fasta", "validation_path": "genome.fasta", "test_path": "genome.fasta", "length": 16}]),
    "tokens": ("ids.txt", "ids.txt", [
        {"path": "ids.txt", **LANGUAGE, "vocab": 20, "end_token": 3, "carry": True},
        {"train_path": "ids.txt", "validation_path": "ids.txt", "test_path": "ids.txt", "length": 16, "vocab": 20}]),
}
PROMPTS = {"text": "the ", "dna": "ACG", "tokens": "1 2 3"}
ELSEWHERE = {"tokens": {"tokenizer"}}  # tests/apps and tests/data have tokenizers


def make(folder):
    for kind in made.CHECKS:
        getattr(made, kind)(folder, random.Random(kind))
    draw = random.Random("options")
    made.write(folder / "grouped.tsv", "".join(f"{label}\tg{i % 20}\t{label * 9} text\n"
                                               for i in range(60) for label in ("x", "y")))
    made.write(folder / "cifar.bin", b"".join(bytes([i % 10]) + draw.randbytes(3072) for i in range(20)))
    made.write(folder / "X.npy", made.npy("|i1", (40, 20, 2), draw.randbytes(1600)))
    made.write(folder / "rated.jsonl", "".join(
        json.dumps({"text": "good " * (i % 7), "label": [i % 7, draw.random()]}) + "\n" for i in range(60)))
    made.write(folder / "tagged_X.npy", made.npy("|i1", (40, 20, 2), draw.randbytes(1600)))
    for name in ("tags.npy", "tagged_y.npy"):
        made.write(folder / name, made.npy("|b1", (40, 2), bytes([0, 1, 1] * 26 + [0, 1])))
    for name in ("classes.npy", "y.npy"):
        made.write(folder / name, made.npy("|b1", (40,), bytes([0, 1] * 20)))
    made.write(folder / "ids.txt", " ".join(str(draw.randrange(20)) for _ in range(3000)))


def main():
    seqtape = str(pathlib.Path(sys.argv[1]).resolve())
    run = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        make(folder)

        def command(*words):
            done = subprocess.run([seqtape, *words], cwd=folder, capture_output=True, text=True, errors="replace")
            made.expect(f"{json.dumps(case)}: seqtape {' '.join(words)}", done.returncode == 0,
                        done.stdout[-500:] + done.stderr)
            return done.stdout

        case = {}
        schema = json.loads(command("schema"))
        keys = {task["properties"]["name"]["const"]: set(task["properties"]) for task in schema["properties"]["task"]["anyOf"]}
        tried = {}
        for name, (new, scored, cases) in TASKS.items():
            for case in cases:
                name = name.strip()
                tried.setdefault(name, {"name"}).update(case)
                run += 1
                config = {"task": {"name": name, **case}, "model": {"name": "gru", "d_model": 8, "layers": 1},
                          "train": {"steps": 2, "batch": 4, "tensorboard": False}}
                (folder / "c.json").write_text(json.dumps(config))
                command("train", "c.json", "--out", f"run{run}")
                scores = json.loads(command("eval", f"run{run}", "--split", "test", "--json"))
                made.expect("a test split is scored", scores["n"] > 0, scores)
                if case.get("group_column") is None:
                    others = json.loads(command("eval", f"run{run}", "--data", scored, "--json"))
                    made.expect("other data are scored", others["n"] > 0, others)
                    answers = json.loads(command("predict", f"run{run}", new, "--json"))
                    made.expect("new data are answered", answers, answers)
                if name in PROMPTS:
                    command("generate", f"run{run}", "--prompt", PROMPTS[name], "--tokens", "5")
                command("export", f"run{run}", "--format", "c", "--out", f"export{run}")
    for name, of in keys.items():
        if "path" in of or "images" in of:
            missing = of - tried.get(name, set()) - ELSEWHERE.get(name, set())
            made.expect(f"every key of the task {name} is tried", not missing, sorted(missing))
    print(f"{run} cases of {len(tried)} tasks")


if __name__ == "__main__":
    main()
