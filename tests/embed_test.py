#!/usr/bin/env python3
"""What exports answer to raw input is what `predict` answers: a test for each kind of data.

  embed_test.py SEQTAPE MODULES_FOLDER KIND      KIND: see KINDS

A small model is trained on data that are made here. The C export is compiled as strictly as C99 can be and reads each
input from its standard input; ONNX Runtime, where it is installed, runs the graph on it (interop/embed.mjs). Labels must
be equal, probabilities within 1e-4, numbers within 1e-4 of their column's deviation.
"""
import datetime
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import wave

import your_data_test as page
from your_data_test import rows_of, write

HERE = pathlib.Path(__file__).resolve().parent
CLOSE = 1e-4
STRICT = "-std=c99 -pedantic -Wall -Wextra -Werror"
GRU = {"name": "gru", "d_model": 16, "layers": 1}
MAMBA = {"name": "mamba", "d_model": 16, "layers": 1}


def fail(what, got=""):
    sys.exit(f"embed_test: {what}: {got}")


def run(arguments, folder, stdin=b"", good=True):
    done = subprocess.run([str(a) for a in arguments], cwd=folder, input=stdin, capture_output=True)
    if good and done.returncode:
        fail(" ".join(map(str, arguments)), (done.stdout + done.stderr).decode(errors="replace")[-2000:])
    return done


class Case:
    """A run, its inputs as `predict` reads them and as an export does, and input that must be refused; `least`: what
    `eval` must find on the test split."""

    def __init__(self, task, model, inputs, bad=(), steps=20, least=None, intervals=False):
        self.task, self.model, self.inputs, self.bad, self.steps = task, model, inputs, bad, steps
        self.intervals = ["--intervals"] if intervals else []
        self.least = least or {}


class Input:
    """`file` for `predict`, whose answer is its row `row`; `raw`: the bytes for a C program; `steps`: for ONNX."""

    def __init__(self, file, raw, steps, row=0, options=()):
        self.file, self.raw, self.steps, self.row, self.options = file, raw, steps, row, options


def documents(folder, draw):
    page.documents(folder, draw)
    write(folder / "inbox/long.txt", page.text_of("travel", draw) * 3)
    inputs = [Input(f"inbox/{path.name}", path.read_bytes(), path.read_text()) for path in sorted((folder / "inbox").iterdir())]
    marked = "\ufeffthe oven?"
    write(folder / "inbox/marked.txt", marked)
    inputs.append(Input("inbox/marked.txt", marked.encode(), marked[1:]))
    return [Case({"name": "documents", "path": "texts", "length": 250}, GRU, inputs, [b""])]


def audio(folder, draw):
    page.audio(folder, draw)
    inputs = []
    for path in sorted((folder / "heard").iterdir()):
        with wave.open(str(path)) as file:
            raw = file.readframes(file.getnframes())
        samples = [s / 32768 for s in struct.unpack(f"<{len(raw) // 2}h", raw)]
        inputs.append(Input(f"heard/{path.name}", "\n".join(map(repr, samples)).encode(), samples))
        inputs.append(Input(f"heard/{path.name}", raw, samples, options=["--s16"]))
    task = {"name": "audio", "path": "recordings", "rate": 8000, "length": 500}
    bad = [b"", b"0.1 0.2 loud", b"0.1 nan"]
    return [Case(task | {"normalise": on}, GRU, inputs, bad) for on in (True, False)]


def dna(folder, draw):
    page.dna(folder, draw)
    inputs = []
    for path in sorted((folder / "unknown").iterdir()):
        bases = "".join(path.read_text().splitlines()[1:])
        mixed = bases.lower().replace("t", "u")
        inputs.append(Input(f"unknown/{path.name}", (bases[:70] + "\n" + mixed[70:] + "\n").encode(), bases))
    return [Case({"name": "dna_classes", "path": "genomes", "length": 300}, MAMBA, inputs, [b"", b"ACGTX", b"  \n"])]


def ucr(folder, draw):
    page.ucr(folder, draw)
    lines = []
    for i in range(60):  # of several lengths, far from 0
        values = [1e7 + 3 * math.sin(t * (0.3 if i % 2 else 0.6)) + draw.gauss(0, 0.1) for t in range(30 + i % 40)]
        lines.append(f"{'slow' if i % 2 else 'fast'}," + ",".join(map(repr, values)))
    write(folder / "far.csv", "\n".join(lines) + "\n")
    write(folder / "ask.csv", "\n".join("?" + line[4:] for line in lines[:8]) + "\n")
    inputs = [Input("ask.csv", line[5:].encode(), [float(x) for x in line[5:].split(",")], row)
              for row, line in enumerate(lines[:8])]
    task = {"name": "series_classes", "path": "far.csv", "length": 50, "split": "stratified", "validation_fraction": 0.2}
    return [Case(task | {"normalise": True}, GRU, inputs, [b"", b"1,2,x"]),
            Case(task | {"longer": "refuse", "length": 69, "normalise": True}, MAMBA, inputs, [b"1 " * 70])]


def arrays(folder, draw):
    page.arrays(folder, draw)
    steps = {"one": [[100 + math.sin(t * 0.3 + i) + draw.gauss(0, 0.1) for t in range(30 + i)] for i in range(6)],
             "three": [[[1e6 + draw.gauss(0, 1), draw.gauss(0, 1), draw.gauss(0, 100)] for t in range(30 + i)]
                       for i in range(6)]}
    cases = []
    for name, asked in steps.items():
        rows = [v for of in asked for v in of]
        lines = []
        for i in range(60):
            begin = draw.randrange(len(rows) - 40)
            lines.append(json.dumps({"values": rows[begin:begin + 30 + i % 10], "label": f"part {begin // 90}"}))
        write(folder / f"{name}.jsonl", "\n".join(lines) + "\n")
        write(folder / f"ask-{name}.jsonl", "".join(json.dumps({"values": of}) + "\n" for of in asked))
        inputs = []
        for i, of in enumerate(asked):
            cells = " ".join(map(repr, of)) if name == "one" else "\n".join(", ".join(map(repr, row)) for row in of)
            inputs.append(Input(f"ask-{name}.jsonl", cells.encode(), of, i))
        bad = [b"", b"1 2 x"] + ([b"1 2 3 4"] if name == "three" else [])
        task = {"name": "arrays", "path": f"{name}.jsonl", "length": 33}
        cases += [Case(task | {"normalise": on}, GRU, inputs, bad) for on in (True, name == "three")]
    raw = [[draw.gauss(0, 1) for _ in range(60)] for _ in range(4)]
    write(folder / "ask.npz", page.npz({"X": page.npy("<f8", (4, 30, 2), struct.pack("<240d", *sum(raw, [])))}))
    inputs = [Input("ask.npz", " ".join(map(repr, of)).encode(), [of[k:k + 2] for k in range(0, 60, 2)], i)
              for i, of in enumerate(raw)]
    return cases + [Case({"name": "arrays", "path": "motions.npz", "length": 40}, MAMBA, inputs)]


def targets(folder, draw):
    """Each kind of answer, planted: what is right follows from the input."""
    cases = []

    def planted(name, answer, least, asked=5, steps=400, **more):
        lines = [{"values": of, "label": answer(of)} for of in
                 ([[draw.gauss(0, 1), draw.gauss(0, 1)] for _ in range(12 + i % 5)] for i in range(400))]
        write(folder / f"{name}.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
        inputs = []
        for i, line in enumerate(lines[:asked]):
            write(folder / f"{name}{i}.jsonl", json.dumps({"values": line["values"]}) + "\n")
            raw = "\n".join(" ".join(map(repr, row)) for row in line["values"])
            inputs.append(Input(f"{name}{i}.jsonl", raw.encode(), line["values"]))
        task = {"name": "arrays", "path": f"{name}.jsonl", "target": name,
                "length": 14 if "step" in name else 16, **more}  # of steps the first are answered alike
        cases.append(Case(task, GRU | {"pooling": "last"}, inputs, [b"", b"1 2 3", b"1 x"], steps, least))

    def sign(x):
        return "up" if x > 0 else "down"

    planted("class", lambda of: sign(sum(a for a, _ in of)), {"accuracy": 0.85})
    planted("labels", lambda of: [n for n, a in zip(("rise", "fall", "late, high"), (of[-1][0], -of[-1][1], of[-2][0])) if a > 0.5],
            {"macro_f1": 0.85, "micro_f1": 0.85, "average_precision": 0.9}, class_weights="balanced")
    planted("numbers", lambda of: [1e6 + 100 * of[-1][0], -3 + of[-1][1] - of[-2][1]], {"r2": 0.9},
            target_names=["height", "slope"])
    planted("class_per_step", lambda of: [sign(of[max(0, t - 1)][1]) for t in range(len(of))],
            {"macro_f1": 0.9, "accuracy": 0.9}, class_weights="balanced", normalise=True)
    planted("numbers_per_step", lambda of: [5000 + 20 * (a + of[max(0, t - 1)][0]) for t, (a, _) in enumerate(of)], {"r2": 0.9})
    words = {"cold": "snow", "hot": "sun", "wet": "rain"}
    lines = []
    for i in range(300):
        said = [w for w in words if draw.random() < 0.4]
        text = " ".join(draw.choice("abcd") + (words[w] if w in said else "") for w in words)
        lines.append({"text": text, "label": said, "degrees": len(said) * 10.5})
    for target, least in (("labels", {"micro_f1": 0.9}), ("numbers", {"r2": 0.8})):
        write(folder / f"text-{target}.jsonl", "".join(json.dumps(
            {"text": one["text"], "label": one["label"] if target == "labels" else one["degrees"]}) + "\n" for one in lines))
        write(folder / "ask.jsonl", "".join(json.dumps({"text": one["text"]}) + "\n" for one in lines[:5]))
        inputs = [Input("ask.jsonl", one["text"].encode(), one["text"], i) for i, one in enumerate(lines[:5])]
        cases.append(Case({"name": "documents", "path": f"text-{target}.jsonl", "length": 40, "target": target}, GRU, inputs, [b""],
                          300, least))
    return cases


def images(folder, draw):
    page.images(folder, draw)
    pixels = (folder / "pictures/t10k-images-idx3-ubyte").read_bytes()[16:]
    inputs = []
    for i in range(5):
        image = list(pixels[64 * i:64 * i + 64])
        inputs.append(Input("pictures/t10k-images-idx3-ubyte", " ".join(map(str, image)).encode(), image, i))
    task = {"name": "images", "images": "pictures/train-images-idx3-ubyte", "labels": "pictures/train-labels-idx1-ubyte",
            "side": 8, "classes": 2, "validation": 80}
    bad = [b"", b"1 " * 63, b"1 " * 65, b"1 " * 63 + b"x"]
    return [Case(task, GRU, inputs, bad), Case(task | {"order": "permuted"}, GRU, inputs, bad),
            Case(task | {"order": "bit_reversed", "tokens": True}, GRU, inputs, bad)]


def series(folder, draw):
    weather, cases = ["dry, cold", "wet", "dry"], []
    for name, missing in (("filled", {3: "load", 180: "load", 181: "load", 185: "sky", 199: "load"}), ("whole", {})):
        lines, raw, at = ["date,load,sky,heat"], [], datetime.datetime(2023, 12, 27)
        for i in range(200):
            load = repr(5e6 + 40 * math.sin(i / 4) + draw.gauss(0, 1))
            sky, heat = weather[i * i % 3], repr(round(20 + 5 * math.sin(i / 9), 2))
            load, sky = ("" if missing.get(i) == "load" else load), ("" if missing.get(i) == "sky" else sky)
            lines.append(f'{at:%Y-%m-%d %H:%M},{load},"{sky}",{heat}')
            raw.append([f"{at:%Y-%m-%d %H:%M}", load, sky, heat])
            at += datetime.timedelta(hours=5)
        write(folder / f"{name}.csv", "\n".join(lines) + "\n")
        cases.append((f"{name}.csv", raw))
    task = {"name": "series", "path": "", "columns": ["load", "sky", "heat"], "targets": ["heat", "load"], "time": "date",
            "categorical": ["sky"], "length": 24, "horizon": 3, "train_fraction": 0.6, "test_fraction": 0.2}
    (filled, gaps), (whole, full) = cases
    parts = ["hour_of_day", "day_of_week", "day_of_month", "day_of_year", "month_of_year"]

    def inputs(path, rows, dates):
        text = "\n".join("\t".join(row if dates else row[1:]) for row in rows) + "\n"
        return [Input(path, text.encode(), rows if dates else [row[1:] for row in rows])]
    short = "\n".join("\t".join(row[1:]) for row in full[:23]).encode()
    bad = [b"", short, b"1\t2\n", b"1\tfog\t2\n", b"1\tdry\tx\n", b"1\tdry\t2\t3\n"]
    return [Case(task | {"path": filled, "missing": "linear", "calendar": parts}, GRU, inputs(filled, gaps, True),
                 [b"2024-01-01\t1\tdry\n", b"yesterday\t1\tdry\t2\n"]),
            Case(task | {"path": filled, "missing": "forward", "calendar": parts[:1]}, MAMBA, inputs(filled, gaps, True)),
            Case(task | {"path": filled, "missing": "mask"}, GRU, inputs(filled, gaps, False)),
            Case(task | {"path": whole}, GRU, inputs(whole, full, False), bad)]


def panel(folder, draw):
    """Entities, what is known ahead, scales of windows, and forecasts that are distributions."""
    lines, rows = ["shop,day,sales,promotion,kind"], {}
    for shop, level in (("a", 10), ("b", 1000), ("c", 50000)):
        kind, rows[shop] = ("corner" if shop == "a" else "store"), []
        for day in range(123):
            sales = repr(level * (1 + 0.3 * math.sin(day / 2) + 0.4 * (day % 9 == 0)) + draw.gauss(0, level / 50))
            rows[shop].append(["" if day >= 120 or (day == 70 and shop == "b") else sales, kind, str(int(day % 9 == 0))])
            lines.append(f"{shop},{datetime.date(2024, 1, 1) + datetime.timedelta(day)},{rows[shop][-1][0]},"
                         f"{rows[shop][-1][2]},{kind}")
    write(folder / "shops.csv", "\n".join(lines) + "\n")
    inputs = []
    for shop, all_rows in rows.items():
        write(folder / f"{shop}.csv", "\n".join(line for line in lines if line[:2] in ("sh", shop + ",")) + "\n")
        asked = [row + [all_rows[t + h][2] for h in (1, 2, 3)] for t, row in enumerate(all_rows[:120])]
        inputs.append(Input(f"{shop}.csv", ("\n".join("\t".join(row) for row in asked) + "\n").encode(), asked))
    task = {"name": "series", "path": "shops.csv", "id": "shop", "time": "day", "columns": ["sales"],
            "static": ["kind"], "known_future": ["promotion"], "categorical": ["kind"], "missing": "forward",
            "length": 14, "horizon": 3, "train_fraction": 0.6, "test_fraction": 0.1}
    short = "\n".join("\t".join(row) for row in [["1", "store"] + ["0"] * 4] * 13).encode()
    return [Case(task, GRU, inputs),
            Case(task, GRU, inputs, intervals=True),
            Case(task | {"normalise": "window"}, GRU, inputs, [short, b"1\tstore\t0\t0\t0\n"], intervals=True),
            Case(task | {"normalise": "window", "missing": "mask", "loss": "quantile", "levels": [0.1, 0.4, 0.9]}, GRU,
                 inputs),
            Case(task | {"normalise": "window", "loss": "gaussian"}, MAMBA, inputs),
            Case(task | {"loss": "student_t", "levels": [0.05, 0.5, 0.95]}, GRU, inputs)]


def text(folder, draw):
    page.text(folder, draw)
    sentence = "the cat sat on the hill. a dog ran to the sea, "
    write(folder / "ask.txt", sentence)
    write(folder / "signs.txt", "naïve café – " * 300)
    write(folder / "ask-signs.txt", "café naïve")
    return [Case({"name": "text", "path": "stories", "length": 32}, MAMBA, [Input("ask.txt", sentence.encode(), sentence)],
                 [b"", b"x"]),
            Case({"name": "text", "path": "signs.txt", "length": 32, "alphabet": "auto"}, GRU,
                 [Input("ask-signs.txt", "café naïve".encode(), "café naïve")], [b"", b"caf\xe9 au lait"])]


def genome(folder, draw):
    page.dna(folder, draw)
    write(folder / "ask.fasta", ">a\nACGGTNACGGTAACC\n")
    return [Case({"name": "dna", "path": "genome.fasta", "length": 8}, MAMBA,
                 [Input("ask.fasta", b"ACGGTNACGG\nuaacc\n", "ACGGTNACGGTAACC")], [b"", b"A", b"ACGX"])]


KINDS = {f.__name__: f for f in (documents, audio, dna, ucr, arrays, targets, images, series, panel, text, genome)}


def answer_of(output, objective):
    """What a C program printed: {"label", "probabilities"}, {"rows"}, {"bits"}, or {"named"}, numbers or probabilities."""
    lines = [line.split("\t") for line in output.decode().splitlines()]
    if lines[0][0].startswith("bits_per_"):
        return {"bits": float(lines[0][1])}
    if lines[0][0] == "step":
        return {"rows": [dict(zip(lines[0], line)) for line in lines[1:]]}
    if objective in ("labels", "numbers"):
        return {"named": {name: float(number) for name, number in lines}}
    return {"label": lines[0][0], "probabilities": {name: float(p) for name, p in lines[1:]}}


def compare(what, got, rows, signature, at):
    """An export's answer with the rows that `predict` wrote."""
    worst = 0.0
    if "bits" in got:
        worst = abs(got["bits"] - float(rows[at]["bits_per_" + signature["unit"]]))
    elif "named" in got:
        names = signature.get("labels") or [number["name"] for number in signature["numbers"]]
        if list(got["named"]) != names:
            fail(what, (got, names))
        scales = [number["scale"] for number in signature.get("numbers", [])] or [1] * len(names)
        worst = max(abs(got["named"][name] - float(rows[at][name])) / scale for name, scale in zip(names, scales))
    elif "rows" in got and "labels" in signature:
        if [row["label"] for row in got["rows"]] != [row["label"] for row in rows]:
            fail(what, (got, rows))
        if [str(row["step"]) for row in got["rows"]] != [row["step"] for row in rows]:
            fail(what, (got, rows))
        worst = max(abs(float(mine[name]) - float(theirs[name]))
                    for name in signature["labels"] for mine, theirs in zip(got["rows"], rows))
    elif "rows" in got:
        forecast = signature["objective"] == "numbers"
        if (forecast and len(rows) != signature["horizon"]) or len(got["rows"]) != len(rows):
            fail(what, (got, rows))
        for number in signature["numbers"]:
            for name in [number["name"]] + [f"{number['name']}_q{level:g}" for level in signature.get("levels", [])]:
                for mine, theirs in zip(got["rows"], rows):
                    worst = max(worst, abs(float(mine[name]) - float(theirs[name])) / number["scale"])
    else:
        if got["label"] != rows[at]["label"] or list(got["probabilities"]) != signature["labels"]:
            fail(what, (got, rows[at]))
        worst = max(abs(p - float(rows[at][name])) for name, p in got["probabilities"].items())
    if not worst < CLOSE:
        fail(f"{what}: differs by {worst}", (got, rows))
    return worst


def blocks(page_text, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", page_text, re.M | re.S)
    if len(found) != 1:
        fail(f"a block of {language} in a README", page_text)
    return found[0]


def check_documents(exported, signature):
    """READMEs and graphs speak of the same names."""
    readme = (exported["onnx"] / "README.md").read_text()
    graph = (exported["onnx"] / "model.onnx").read_bytes()
    for name in ("tokens" if "vocabulary" in signature else "values", "logits"):
        if f"`{name}`" not in readme or name.encode() not in graph:
            fail("a name of the graph in its README", name)
    compile("text = samples = values = rows = ids = pixels = None\n" + blocks(readme, "python"), "README.md", "exec")
    lines = blocks((exported["c"] / "README.md").read_text(), "c").replace('#include "model.h"', "")
    kind, argument = ("const double *", "rows") if "vocabulary" not in signature else (
        ("const int *", "tokens") if signature["steps"] == "ids" else ("const char *", "text"))
    write(exported["c"] / "readme.c", '#include <stdio.h>\n#include <stdlib.h>\n#include "model.h"\n'
          f"int use({kind}{argument}, size_t count);\nint use({kind}{argument}, size_t count) {{\n{lines}\nreturn 0;\n}}\n")
    run(["cc", *STRICT.split(), "-c", "readme.c", "-o", "readme.o"], exported["c"])
    for label in signature.get("labels", []):
        if f'"{label}"' not in (exported["c"] / "model.c").read_text() or label.encode() not in graph:
            fail("a label in each export", label)


def check(seqtape, modules, folder, number, case):
    config = {"seed": 1, "task": case.task, "model": case.model, "optimizer": {"lr": 0.01},
              "train": {"steps": case.steps, "batch": 32 if case.least else 8, "tensorboard": False}}
    if case.least:
        config["schedule"] = {"name": "cosine", "floor": 0.05}
    write(folder / f"{number}.json", json.dumps(config))
    run([seqtape, "train", f"{number}.json", "--out", f"run{number}"], folder)
    if case.least:
        scores = json.loads(run([seqtape, "eval", f"run{number}", "--split", "test", "--json"], folder).stdout)
        for metric, least in case.least.items():
            if not scores[metric] >= least:
                fail(f"{case.task}: {metric} is to be {least}", scores)
        run([seqtape, "report", f"run{number}"], folder)
        run([seqtape, "show", f"run{number}"], folder)
    exported = {}
    for form in ("c", "onnx"):
        exported[form] = folder / f"{form}{number}"
        run([seqtape, "export", f"run{number}", "--format", form, "--out", exported[form], *case.intervals], folder)
    signature = json.loads((exported["c"] / "signature.json").read_text())
    check_documents(exported, signature)
    program = exported["c"] / "model"
    run(["cc", *STRICT.split(), "-O1", exported["c"] / "model.c", "-lm", "-o", program], folder)
    worst = {"c": 0.0, "onnx": 0.0}
    for i, one in enumerate(case.inputs):
        run([seqtape, "predict", f"run{number}", one.file, "--out", "answers.csv", *case.intervals], folder)
        rows = rows_of(folder / "answers.csv")
        got = answer_of(run([program, exported["c"] / "model.bin", *one.options], folder, one.raw).stdout,
                        signature["objective"])
        worst["c"] = max(worst["c"], compare(f"c {case.task} {one.file}", got, rows, signature, one.row))
        if modules and not one.options:
            write(folder / "steps.json", json.dumps(one.steps))
            said = run(["node", HERE / "interop/embed.mjs", modules, exported["onnx"], "steps.json"], folder).stdout
            got = json.loads(said)
            worst["onnx"] = max(worst["onnx"], compare(f"onnx {case.task} {one.file}", got, rows, signature, one.row))
    for raw in case.bad:
        done = run([program, exported["c"] / "model.bin"], folder, raw, good=False)
        if done.returncode != 2 or not done.stderr or done.stdout:
            fail(f"bad input {raw[:40]}", (done.returncode, done.stdout, done.stderr))
    print(f"{case.task['name']}, {case.model['name']}: {len(case.inputs)} inputs; C within {worst['c']:.1e}, ",
          f"ONNX within {worst['onnx']:.1e}" if modules else "ONNX Runtime is not installed")


def main():
    seqtape, modules, kind = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3]
    installed = (modules / "node_modules/onnxruntime-node").is_dir()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for number, case in enumerate(KINDS[kind](folder, random.Random(kind))):
            check(seqtape, (modules / "node_modules").resolve() if installed else None, folder, number, case)


if __name__ == "__main__":
    main()
