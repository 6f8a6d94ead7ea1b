#!/usr/bin/env python3
"""Runs every command of docs/your-data.md on data that are made here, and checks what comes out.

  your_data_test.py SEQTAPE [KEPT_FOLDER]

The page's blocks are run in order, in one folder; a line that begins with "seqtape" is a command. What a section must
reach is below, under its kind's name. Training's steps are the page's own.
"""
import csv
import datetime
import io
import json
import math
import pathlib
import random
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import time
import wave
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/your-data.md"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def series(folder, draw):
    """5000 days: a week's pattern around a slow wave, in units far from 0; some cells and some days are not there."""
    lines, day = ["date,sales,weather"], datetime.date(2010, 1, 1)
    for i in range(5000):
        sales = 20000 + 3000 * math.sin(2 * math.pi * i / 7) + 1000 * math.sin(i / 90) + draw.gauss(0, 100)
        if draw.random() > 0.004:
            lines.append(f"{day},{'' if draw.random() < 0.01 else round(sales, 1)},{draw.choice(['dry', 'wet'])}")
        day += datetime.timedelta(days=1)
    write(folder / "sales.csv", "\n".join(lines) + "\n")


def panel(folder, draw):
    """Eight shops of sizes 10 to 1280: a week's pattern, days of promotion that lift it by half, seven of them to come."""
    lines = ["shop,day,sales,promotion,town"]
    for shop in range(8):
        level = 10 * 2 ** shop
        for i in range(40 * shop, 707):
            promotion = int(draw.random() < 0.2)
            if i == 400:
                level *= 1.5
            sales = level * (1 + 0.4 * math.sin(2 * math.pi * i / 7)) * (1 + 0.5 * promotion) * (1 + draw.gauss(0, 0.03))
            lines.append(f"s{shop},{datetime.date(2023, 1, 2) + datetime.timedelta(i)},{sales if i < 700 else ''},{promotion},"
                         f"{'north' if shop % 2 else 'south'}")
    write(folder / "shops.csv", "\n".join(lines) + "\n")


TOPICS = {"cooking": "salt oven butter onion simmer recipe flour taste".split(),
          "sports": "goal team match score league coach player stadium".split(),
          "travel": "hotel flight border island ticket luggage harbour map".split()}


def text_of(topic, draw):
    return " ".join(draw.choice(TOPICS[topic] if draw.random() < 0.5 else ["the", "a", "and", "of", "then"]) for _ in range(30))


def documents(folder, draw):
    for topic in TOPICS:
        for i in range(60):
            write(folder / "texts" / topic / f"{i}.txt", text_of(topic, draw))
    for i, topic in enumerate(TOPICS):
        write(folder / "inbox" / f"{topic}.txt", text_of(topic, draw))


PITCHES = {"a": 200, "b": 350, "c": 600, "d": 1000, "e": 1700}


def recording(path, pitch, draw):
    path.parent.mkdir(parents=True, exist_ok=True)
    phase, loud = draw.random() * 7, 3000 + 9000 * draw.random()
    samples = [int(loud * math.sin(2 * math.pi * pitch * i / 8000 + phase) + draw.gauss(0, 300)) for i in range(600)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, len(samples), "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def audio(folder, draw):
    for label, pitch in PITCHES.items():
        for i in range(24):
            recording(folder / "recordings" / label / f"{i}.wav", pitch, draw)
        recording(folder / "heard" / f"{label}.wav", pitch, draw)


def dna(folder, draw):
    def genome(weights, count):
        return "".join(draw.choices("ACGT", weights, k=count))
    write(folder / "genome.fasta", ">one\n" + "ACGGT" * 2000 + "\n")
    for label, weights in (("low", (4, 1, 1, 4)), ("high", (1, 4, 4, 1))):
        for i in range(3):
            write(folder / "genomes" / label / f"{i}.fa", f">{label}{i}\n{genome(weights, 8000)}\n")
        write(folder / "unknown" / f"{label}.fa", f">x\n{genome(weights, 500)}\n")


def ucr(folder, draw):
    def lines(count):
        rows = []
        for _ in range(count):
            label = draw.choice(["1", "2"])
            values = [math.sin(i * (0.2 if label == "1" else 0.5) + draw.random()) + draw.gauss(0, 0.1) for i in range(60)]
            rows.append("\t".join([label] + [f"{v:.4f}" for v in values]))
        return "\n".join(rows) + "\n"
    write(folder / "Waves_TRAIN.tsv", lines(100))
    write(folder / "Waves_TEST.tsv", lines(60))


def npy(kind, shape, elements):
    """A NumPy array's file."""
    header = str({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + elements


def npz(arrays):
    """As numpy.savez_compressed writes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            file.writestr(f"{name}.npy", array)
    return content.getvalue()


MOTIONS = ["circle", "shake"]


def motion(label, draw):
    """40 steps of two sensors: a quarter turn apart, or together; behind the length NaN fills up."""
    phase, steps = draw.random() * 6, draw.randrange(30, 41)
    values = [math.sin(0.4 * t + phase + (1.6 if k and label == "circle" else 0)) + draw.gauss(0, 0.2)
              for t in range(steps) for k in range(2)]
    return values + [math.nan] * (80 - len(values)), steps


def arrays(folder, draw):
    """Two sensors, which are a quarter turn apart or move together; sequences of several lengths, padded."""
    for name, count in (("motions", 160), ("more", 40)):
        labels = [draw.choice(MOTIONS) for _ in range(count)]
        made = [motion(label, draw) for label in labels]
        content = {"X": npy("<f4", (count, 40, 2), struct.pack(f"<{80 * count}f", *sum((v for v, _ in made), []))),
                   "lengths": npy("<i8", (count,), struct.pack(f"<{count}q", *(steps for _, steps in made)))}
        if name == "motions":
            content["y"] = npy("<U6", (count,), b"".join(label.ljust(6, "\0").encode("utf-32-le") for label in labels))
        else:
            write(folder / "more.txt", "\n".join(labels))
        write(folder / f"{name}.npz", npz(content))


def machine(steps, draw):
    """Two sensors of 20 to 30 steps, and whether the machine runs or rests: one of them is loud while it runs."""
    state, values, states = draw.random() < 0.5, [], []
    for _ in range(steps):
        state = state != (draw.random() < 0.15)
        values.append([draw.gauss(4 if state else 0, 0.5), draw.gauss(0, 1)])
        states.append("runs" if state else "rests")
    return values, states


def answers(folder, draw):
    """Sequences with a state at each step, padded; and new ones as lines."""
    made = [machine(draw.randrange(20, 31), draw) for _ in range(120)]
    padded = [values + [[math.nan, math.nan]] * (30 - len(values)) for values, _ in made]
    flat = [x for values in padded for row in values for x in row]
    names = [name for _, states in made for name in states + [""] * (30 - len(states))]
    write(folder / "machines.npz", npz({
        "X": npy("<f8", (120, 30, 2), struct.pack("<7200d", *flat)),
        "y": npy("|S5", (120, 30), b"".join(name.encode().ljust(5, b"\0") for name in names)),
        "lengths": npy("<i8", (120,), struct.pack("<120q", *(len(states) for _, states in made)))}))
    watched = [machine(25, draw) for _ in range(10)]
    write(folder / "watched.jsonl", "".join(json.dumps({"values": values}) + "\n" for values, _ in watched))
    write(folder / "watched.txt", "\n".join(state for _, states in watched for state in states))


def lines(folder, draw):
    """The same motions as lines; and texts."""
    def rows(values, steps):
        return [values[2 * t:2 * t + 2] for t in range(steps)]
    labels = [draw.choice(MOTIONS) for _ in range(160)]
    write(folder / "motions.jsonl", "".join(
        json.dumps({"values": rows(*motion(label, draw)), "label": label}) + "\n" for label in labels))
    topics = [draw.choice(list(TOPICS)) for _ in range(200)]
    write(folder / "mails.jsonl", "".join(
        json.dumps({"text": text_of(topic, draw), "label": topic}) + "\n" for topic in topics[:180]))
    write(folder / "unread.jsonl", "".join(json.dumps({"text": text_of(topic, draw)}) + "\n" for topic in topics[180:]))
    write(folder / "unread.txt", "\n".join(topics[180:]))


def images(folder, draw):
    """Images of 8 x 8: a bright row or a bright column."""
    def pair(prefix, count):
        labels = [draw.randrange(2) for _ in range(count)]
        pixels = bytearray()
        for label in labels:
            line = draw.randrange(8)
            for y in range(8):
                for x in range(8):
                    pixels.append(draw.randrange(200, 256) if (y if label == 0 else x) == line else draw.randrange(40))
        write(folder / "pictures" / f"{prefix}-images-idx3-ubyte", struct.pack(">4i", 2051, count, 8, 8) + bytes(pixels))
        write(folder / "pictures" / f"{prefix}-labels-idx1-ubyte", struct.pack(">2i", 2049, count) + bytes(labels))
    pair("train", 400)
    pair("t10k", 80)


def text(folder, draw):
    sentences = ["the cat sat on the mat. ", "a dog ran to the sea. ", "rain fell on the hill. "]
    write(folder / "stories" / "one.txt", "".join(draw.choice(sentences) for _ in range(1500)))
    write(folder / "new.txt", "".join(draw.choice(sentences) for _ in range(20)))


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def expect(what, holds, got=""):
    if not holds:
        sys.exit(f"your_data_test: {what}: {got}")


def labels_are_right(path):
    """The files are named after their class."""
    rows = rows_of(path)
    right = sum(pathlib.Path(r["input"].split(":")[0]).stem == r["label"] for r in rows)
    expect(f"{path.name}: all but at most one label right", rows and right >= len(rows) - 1, rows)
    for row in rows:
        total = sum(float(v) for k, v in row.items() if k not in ("input", "label", "start", "step"))
        expect(f"{path.name}: probabilities add to 1", abs(total - 1) < 1e-4, row)


def check_series(folder, said):
    rows = rows_of(folder / "forecast.csv")
    last = rows_of(folder / "sales.csv")[-1]["date"]
    expected = datetime.date.fromisoformat(last) + datetime.timedelta(days=1)
    expect("forecast begins a day after the last row", rows[0]["time"] == str(expected), (rows[0], last))
    expect("forecast in units", all(14000 < float(r["sales"]) < 26000 for r in rows), rows)
    back = [r for r in rows_of(folder / "backtest.csv") if r["sales_actual"]]
    expect("backtest beside what came", len(back) > 10, back)
    error = sum(abs(float(r["sales"]) - float(r["sales_actual"])) for r in back) / len(back)
    expect("mean error of the backtest far below the week's swing of 3,000", error < 800, error)
    expect("gaps are told", re.search(r"\d+ absent", said) and "weather" in said, said)


def check_panel(folder, said):
    rows = rows_of(folder / "forecast.csv")
    expect("a row a shop and day, with its interval", len(rows) == 56 and [r["shop"] for r in rows[::7]] == [
        f"s{i}" for i in range(8)] and rows[0]["time"] == "2024-12-02", rows)
    planned = {(r["shop"], r["day"]): int(r["promotion"]) for r in rows_of(folder / "shops.csv")}
    error, lifted = 0, [[], []]
    for i, row in enumerate(rows):
        expect("quantiles in order", float(row["sales_q0.1"]) <= float(row["sales"]) <= float(row["sales_q0.9"]), row)
        promotion, day = planned[row["shop"], row["time"]], 700 + i % 7
        true = 15 * 2 ** int(row["shop"][1]) * (1 + 0.4 * math.sin(2 * math.pi * day / 7))
        lifted[promotion].append(float(row["sales"]) / true)
        error += abs(float(row["sales"]) / true - 1 - 0.5 * promotion) / len(rows)
    expect("sizes, weeks and promotions are seen: a mean error below 15 %", error < 0.15, error)
    expect("a promotion lifts the forecast", sum(lifted[1]) / len(lifted[1]) > 1.2 * sum(lifted[0]) / len(lifted[0]), lifted)
    expect("what was seen", 'entities: 8 by "shop"' in said and "known ahead: promotion" in said
           and "the same in all rows of an entity: town" in said, said)


def check_text(folder, said):
    bits = float(rows_of(folder / "bits.csv")[0]["bits_per_byte"])
    expect("a text of known sentences below 1.5 bits a byte", bits < 1.5, bits)


def check_images(folder, said):
    rows = rows_of(folder / "pictures.csv")
    labels = (folder / "pictures/t10k-labels-idx1-ubyte").read_bytes()[8:]
    right = sum(int(r["label"]) == label for r, label in zip(rows, labels))
    expect("rows and columns told apart", len(rows) == 80 and right > 68, right)


def check_ucr(folder, said):
    accuracy = re.findall(r"^accuracy\s+([0-9.]+)", said, re.M)
    expect("waves told apart in the test file", accuracy and float(accuracy[-1]) > 0.9, said)
    expect("an answer a line", len(rows_of(folder / "waves.csv")) == 60)


def known_labels_are_right(folder, answers, known, least):
    rows, labels = rows_of(folder / answers), (folder / known).read_text().split("\n")
    right = sum(row["label"] == label for row, label in zip(rows, labels))
    expect(f"{answers}: {least} of {len(labels)} right", len(rows) == len(labels) and right >= least, right)


def check_arrays(folder, said):
    known_labels_are_right(folder, "more.csv", "more.txt", 38)
    expect("what was seen", "2 numbers a step" in said and "30 to 40 steps" in said, said)


def check_answers(folder, said):
    known_labels_are_right(folder, "states.csv", "watched.txt", 240)
    expect("what was seen", 'a class at each step (task.target "class_per_step")' in said, said)
    expect("steps are counted", [row["step"] for row in rows_of(folder / "states.csv")][:26] == [*map(str, range(25)), "0"])


def check_lines(folder, said):
    known_labels_are_right(folder, "unread.csv", "unread.txt", 18)
    known_labels_are_right(folder, "moved.csv", "more.txt", 38)
    expect("lines of numbers are told from texts", "160 sequences" in said and "180 texts" in said, said)


def check_dna(folder, said):
    labels_are_right(folder / "genomes.csv")
    bits = float(rows_of(folder / "bases.csv")[0]["bits_per_base"])
    expect("a repeated genome is learned", bits < 0.5, bits)


CHECKS = {"series": check_series, "panel": check_panel, "text": check_text, "images": check_images, "ucr": check_ucr,
          "arrays": check_arrays, "answers": check_answers, "lines": check_lines, "dna": check_dna,
          "documents": lambda folder, said: labels_are_right(folder / "inbox.csv"),
          "audio": lambda folder, said: labels_are_right(folder / "heard.csv")}


def main():
    seqtape = str(pathlib.Path(sys.argv[1]).resolve())
    kept = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    page = PAGE.read_text()
    sections = re.findall(r"^```sh (\w+)\n(.*?)^```", page, re.M | re.S)
    expect("a section for each kind", sorted({kind for kind, _ in sections}) == sorted(CHECKS), sections)
    with tempfile.TemporaryDirectory() as temporary:
        folder = kept or pathlib.Path(temporary)
        for kind in CHECKS:
            globals()[kind](folder, random.Random(kind))
        for kind, block in sections:
            said, began = "", time.time()
            for line in block.replace("\\\n", " ").splitlines():
                if not line.startswith("seqtape "):
                    continue
                words = shlex.split(line.split("  #")[0])
                done = subprocess.run([seqtape] + words[1:], cwd=folder, capture_output=True, text=True)
                expect(line, done.returncode == 0, done.stdout[-2000:] + done.stderr)
                said += done.stdout + done.stderr
            CHECKS[kind](folder, said)
            print(f"{kind}: {time.time() - began:.1f} s")
            if kept:
                (folder / f"{kind}.log").write_text(said)


if __name__ == "__main__":
    main()
