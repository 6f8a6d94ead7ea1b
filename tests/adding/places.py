"""examples/places.txt: where the examples go, and the lines that the tables of the tree get for them."""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Addition:
    """What one of them (a mixer, an op, a task) needs: files of its own, and lines in files that there are."""
    name: str
    files: list = field(default_factory=list)   # (example, where it goes)
    lines: dict = field(default_factory=dict)   # file: [(the line they follow, [new lines])]


def read(root):
    additions, table = [], None
    for number, line in enumerate((root / "examples/places.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            additions.append(Addition(heading[1]))
        elif file := re.fullmatch(r"file (\S+) -> (\S+)", line):
            additions[-1].files.append((file[1], file[2]))
        elif place := re.fullmatch(r"line (\S+)", line):
            table = additions[-1].lines.setdefault(place[1], [])
        elif line.startswith("+"):
            table[-1][1].append(line[1:])
        elif line.startswith(" "):
            table.append((line.strip(), []))
        else:
            sys.exit(f"examples/places.txt:{number}: is none of its kinds of lines: {line}")
    return additions


def with_lines(path, inserts):
    """The text of a file with the new lines in it."""
    lines = path.read_text().splitlines()
    for anchor, new in inserts:
        at = [i for i, line in enumerate(lines) if line.strip().startswith(anchor)]
        if len(at) != 1:
            sys.exit(f"{path}: {len(at)} lines begin with \"{anchor}\", after which examples/places.txt puts lines; it takes one")
        lines[at[0] + 1:at[0] + 1] = new
    return "\n".join(lines) + "\n"


def put(root):
    """Adds everything to the tree at `root`."""
    for addition in read(root):
        for example, place in addition.files:
            target = root / place
            if target.exists():
                sys.exit(f"{place}: is there already")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / example).read_bytes())
        for file, inserts in addition.lines.items():
            (root / file).write_text(with_lines(root / file, inserts))


if __name__ == "__main__":
    put(Path(sys.argv[1]))
