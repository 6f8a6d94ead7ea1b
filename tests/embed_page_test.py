#!/usr/bin/env python3
"""Runs every program of docs/embed.md, and compares what they say with `predict` and `generate`.

  embed_page_test.py SEQTAPE MODULES_FOLDER [PYTHON]

Exit code 77: ONNX Runtime or NumPy is not installed (scripts/setup.sh --interop); the C programs were run then, too.
"""
import datetime
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import your_data_test as data
from embed_test import STRICT, fail, run
from your_data_test import rows_of, write

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/embed.md").read_text()
SANITIZED = STRICT + " -fsanitize=address,undefined -fno-sanitize-recover=all"


def block(language, name):
    found = re.findall(rf"^```{language} {re.escape(name)}\n(.*?)^```", PAGE, re.M | re.S)
    if len(found) != 1:
        fail(f"a block {language} {name}", len(found))
    return found[0]


def shell(seqtape, folder, name, flags=""):
    """The commands of a block; the compiler's with more flags. Returns what the last ones printed."""
    said = []
    for line in block("sh", name).splitlines():
        words = shlex.split(line)
        stdin = b""
        if "<" in words:
            stdin = (folder / words[words.index("<") + 1]).read_bytes()
            words = words[:words.index("<")]
        if words[0] == "seqtape":
            words[0] = seqtape
        if words[0] == "cc":
            words += flags.split()
        said.append(run(words, folder, stdin).stdout.decode())
    return said


def close(what, ours, theirs, tolerance=1e-4):
    if len(ours) != len(theirs) or not ours or any(not abs(a - b) < tolerance for a, b in zip(ours, theirs)):
        fail(what, (ours, theirs))


def prepare(seqtape, folder):
    """The runs of docs/your-data.md, a few steps of each, an input of each, and what `predict` says of it."""
    for kind in ("series", "ucr", "text"):
        getattr(data, kind)(folder, random.Random(kind))
    few = ["--set", "train.steps=30", "--set", "train.tensorboard=false"]
    for kind, files, name in (("series", ["sales.csv"], "sales"), ("ucr", ["Waves_TRAIN.tsv", "Waves_TEST.tsv"], "waves"),
                              ("text", ["stories/"], "stories")):
        run([seqtape, "new", kind, *files, "--out", f"{name}.json"], folder)
        run([seqtape, "train", f"{name}.json", "--out", f"runs/{name}", *few], folder)
    wave = (folder / "Waves_TEST.tsv").read_text().splitlines()[0].split("\t")[1:]
    write(folder / "wave.txt", " ".join(wave) + "\n")
    write(folder / "one.tsv", "?\t" + "\t".join(wave) + "\n")
    known = [row for row in rows_of(folder / "sales.csv")[-300:] if row["sales"]]
    day = datetime.date(2024, 1, 1)
    lines = [f"{day + datetime.timedelta(i)},{row['sales']},{row['weather']}" for i, row in enumerate(known[-100:])]
    write(folder / "recent.csv", "date,sales,weather\n" + "\n".join(lines) + "\n")
    write(folder / "sales.txt", "".join(f"{row['sales']} {int(row['weather'] == 'wet')}\n" for row in known[-100:]))


def predicted(seqtape, folder, name, file):
    run([seqtape, "predict", f"runs/{name}", file, "--out", "answers.csv"], folder)
    return rows_of(folder / "answers.csv")


def check_c(seqtape, folder):
    expected = [float(row["sales"]) for row in predicted(seqtape, folder, "sales", "recent.csv")]
    write(folder / "both.c", block("c", "both.c"))
    for flags in ("", SANITIZED):
        for out in ("waves", "sales"):
            shutil.rmtree(folder / out, ignore_errors=True)
        said = shell(seqtape, folder, "c", flags)[-1].splitlines()
        label = [line.split()[1] for line in said if line.startswith("label ")]
        if label != [predicted(seqtape, folder, "waves", "one.tsv")[0]["label"]]:
            fail("the label", said)
        forecast = [float(line.split()[1]) for line in said if line.startswith("sales ")]
        close("the forecast", forecast, expected, 1e-4 * 2000)


def check_text(seqtape, folder):
    said = shell(seqtape, folder, "text", STRICT)
    generated = run([seqtape, "generate", "runs/stories", "--prompt", "the cat ", "--tokens", "40", "--temperature", "0"], folder)
    if "the cat " + said[-2] != generated.stdout.decode():
        fail("the text", (said, generated.stdout))
    close("bits of a text", [float(said[-1].split("\t")[1])],
          [float(predicted(seqtape, folder, "stories", "new.txt")[0]["bits_per_byte"])])
    return generated.stdout.decode()


def probabilities_of(output):
    return [float(line.split()[1]) for line in output.decode().splitlines()]


def check_onnx(seqtape, folder, modules, text):
    shell(seqtape, folder, "onnx")
    python = block("python", "waves-onnx")  # shown, not run: its names are the graph's
    graph = (folder / "waves-onnx/model.onnx").read_bytes()
    for name in ("labels", "values", "probabilities"):
        if f'"{name}"' not in python or name.encode() not in graph:
            fail("a name of the lines for Python", name)
    if not modules.is_dir():
        return False
    (folder / "node_modules").symlink_to(modules)
    for name in ("waves.mjs", "stories.mjs"):
        write(folder / name, block("js", name))
    row = predicted(seqtape, folder, "waves", "one.tsv")[0]
    close("probabilities", probabilities_of(run(["node", "waves.mjs"], folder).stdout),
          [float(p) for k, p in row.items() if k not in ("input", "label")])
    said = run(["node", "stories.mjs"], folder).stdout.decode()
    if said != text:
        fail("the text of ONNX Runtime", (said, text))
    return True


def check_numpy(seqtape, folder, python):
    if not python:
        return False
    shell(seqtape, folder, "npz")
    write(folder / "gru.py", block("python", "gru.py"))
    row = predicted(seqtape, folder, "gru", "one.tsv")[0]
    close("probabilities of NumPy", probabilities_of(run([python, "gru.py"], folder).stdout),
          [float(p) for k, p in row.items() if k not in ("input", "label")])
    return True


def main():
    seqtape, modules = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]) / "node_modules"
    python = next((p for p in ("python3", "/usr/bin/python3")
                   if subprocess.run([p, "-c", "import numpy"], capture_output=True).returncode == 0), None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        prepare(seqtape, folder)
        check_c(seqtape, folder)
        text = check_text(seqtape, folder)
        done = {"C": True, "ONNX Runtime": check_onnx(seqtape, folder, modules.resolve(), text),
                "NumPy": check_numpy(seqtape, folder, python)}
    print(", ".join(f"{name}: {'ran' if ran else 'not installed (scripts/setup.sh --interop)'}" for name, ran in done.items()))
    sys.exit(0 if all(done.values()) else 77)


if __name__ == "__main__":
    main()
