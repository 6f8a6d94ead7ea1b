#!/usr/bin/env python3
"""A mixer, an op and a task are files of their own and lines in visible tables, and nothing else.

    tests/adding/adding_test.py SOURCE_DIR             adds examples/ to a copy of the tree and counts what differs
    tests/adding/adding_test.py SOURCE_DIR --build     also runs the commands of docs/adding.md there: they build it, test
                                                       it, train, resume, compare and export the new mixer on the new task

Exit code 77: the tree is not a git checkout.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import places

# Lines in tables: of a task and a mixer, what they are called and their row; of an op, an include and a row for each of
# two targets, its include among the ops, its cases, small and at real sizes, and its reference.
TABLES = {"task": 1, "mixer": 1, "op": 6}


def copy_of(root, folder):
    """The files of the working tree that git knows, or would take."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode:
        print("skipped:", listed.stderr.strip())
        sys.exit(77)
    for name in listed.stdout.split("\0"):
        source = root / name
        if name and source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def differences(before, after):
    """New files, and the lines that the others gained; what was lost or replaced ends the test."""
    new, gained = [], {}
    if lost := sorted(before.keys() - after.keys()):
        sys.exit(f"gone from the copy: {lost}")
    for name, content in after.items():
        if name not in before:
            new.append(name)
        elif content != before[name]:
            lines = difflib.ndiff(before[name].decode().splitlines(), content.decode().splitlines())
            changes = [line for line in lines if line[0] in "+-"]
            if taken := [line for line in changes if line[0] == "-"]:
                sys.exit(f"{name}: lines were changed, not added: {taken}")
            gained[name] = [line[2:] for line in changes]
    return new, gained


def check_places(before, after, additions):
    """Only what examples/places.txt says differs. Prints what each addition needs."""
    new, gained = differences(before, after)
    assert sorted(new) == sorted(place for one in additions for _, place in one.files), new
    assert gained.keys() == {file for one in additions for file in one.lines}, gained.keys()
    for one in additions:
        tables = []
        for file, inserts in one.lines.items():
            expected = [line for _, lines in inserts for line in lines]
            assert sorted(gained[file]) == sorted(expected), f"{file}: {gained[file]}"
            tables.append(f"{file} ({len(expected)})")
        print(f"{one.name}: {len(one.files)} files of its own: {', '.join(place for _, place in one.files)}")
        print(f"    lines in {len(tables)} tables: {', '.join(tables)}")
        assert len(tables) == TABLES[one.name], f"{one.name}: needs {len(tables)} tables, not {TABLES[one.name]}"


def commands_of(document):
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL))


def run(command, folder, **environment):
    print(f"$ {command}", flush=True)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=os.environ | environment)
    if done.returncode:
        sys.exit(f"{done.stdout[-6000:]}\nfailed, exit code {done.returncode}")
    return done.stdout


def weights(run_folder):
    return max((run_folder / "checkpoints").glob("step-*/model.safetensors")).read_bytes()


def check_c_program(folder):
    """The exported C program answers as the model did when it was exported."""
    run("cc -O1 -std=c99 -Wall -Werror model.c -lm -o model", folder)
    parity = json.loads((folder / "parity.json").read_text())
    answer = subprocess.run([folder / "model", folder / "model.bin"], input=" ".join(map(str, parity["tokens"])),
                            capture_output=True, text=True, check=True).stdout.split()[1:]
    worst = max(abs(float(a) - b) for a, b in zip(answer, parity["logits"], strict=True))
    print(f"C: largest logit {max(map(abs, parity['logits'])):.3g}, largest difference {worst:.2g}")
    assert worst < 1e-4 and max(map(abs, parity["logits"])) > 0.05


def build_and_use(copy, root):
    """The document's commands, then what they must have left."""
    # The compiler's cache knows the files that did not change by their paths within the tree.
    cached = {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "CCACHE_BASEDIR": str(copy), "CCACHE_NOHASHDIR": "1"}
    print(run(commands_of(copy / "docs/adding.md"), copy, **(cached if shutil.which("ccache") else {})))
    program = copy / "build/release/seqtape"
    assert "\nqrnn: " in run(f"{program} list models", copy)
    assert "\nmajority: " in run(f"{program} list tasks", copy)
    result = json.loads(run(f"{program} eval runs/majority/qrnn --json", copy))
    print("eval:", json.dumps(result))
    assert result["accuracy"] > 0.6, "four symbols: chance is 0.25"
    assert weights(copy / "runs/stopped") == weights(copy / "runs/majority/qrnn"), "the resumed run has other weights"
    check_c_program(copy / "qrnn-c")
    # Text, token by token: the mixer on a task that was there before.
    (copy / "text.json").write_text(json.dumps(
        {"task": {"name": "text", "path": "docs/adding.md", "length": 32}, "model": {"name": "qrnn", "d_model": 32},
         "optimizer": {"name": "adamw"}, "train": {"steps": 20, "batch": 4}}))
    run(f"{program} train text.json --out runs/text", copy)
    print("generated:", repr(run(f"{program} generate runs/text --prompt 'A mixer' --tokens 20", copy)))
    onnx_runtime = root / "build/interop/node_modules"
    if (onnx_runtime / "onnxruntime-node").is_dir():
        print(run(f"node tests/interop/onnx.mjs {copy}/qrnn-onnx", copy, SEQTAPE_NODE_MODULES=str(onnx_runtime)))
    else:
        print("ONNX: written, not run (scripts/setup.sh --interop installs its runtime)")


def main():
    root = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="seqtape-adding-") as work:
        copy = Path(work) / "seqtape"
        copy_of(root, copy)
        before = files_of(copy)
        places.put(copy)
        check_places(before, files_of(copy), places.read(root))
        if "--build" in sys.argv[2:]:
            build_and_use(copy, root)


if __name__ == "__main__":
    main()
