#!/usr/bin/env python3
"""What a room may include, that no headers include each other in a circle, and that a source file has one subject.

    tests/includes_test.py SOURCE_DIR
"""

import re
import sys
from pathlib import Path

ROOMS = ("core", "autograd", "models", "data", "apps")
CPP = (".h", ".cpp")
EMBEDDED = (".c", ".css", ".html", ".js")  # included as "embedded/PATH.h" (cmake/embed.cmake)
LINES = 400

# A room, and those that it may include beside itself. A registry is a room of its own: it alone knows what it lists.
CORE = {"core", "core/io"}
AUTOGRAD = CORE | {"core/kernels", "autograd", "autograd/ops", "autograd/optim"}
TRAINER = AUTOGRAD | {"models", "models/registry", "data", "data/registry"}
MAY_INCLUDE = {
    "core": CORE,
    "core/io": CORE,
    "core/kernels": {"core"},
    "autograd": CORE | {"core/kernels"},
    "autograd/ops": CORE | {"core/kernels", "autograd"},
    "autograd/optim": CORE | {"core/kernels", "autograd"},
    "models": AUTOGRAD,
    "models/mixers": AUTOGRAD | {"models"},
    "models/registry": AUTOGRAD | {"models", "models/mixers"},
    "models/formats": AUTOGRAD | {"models", "models/mixers"},
    "models/export": AUTOGRAD | {"models"},
    "models/export/onnx": AUTOGRAD | {"models", "models/export"},
    "models/export/c": AUTOGRAD | {"models", "models/export"},
    "data": CORE | {"data/readers"},
    "data/readers": CORE,
    "data/tokenizer": CORE,
    "data/proposals": CORE | {"data/readers"},
    "data/tasks": CORE | {"data", "data/readers", "data/tokenizer"},
    "data/registry": CORE | {"data", "data/tasks"},
    "third_party": set(),
    "apps/report": CORE | {"third_party"},
    "apps/trainer": TRAINER,
    "apps/inspect": TRAINER | {"apps/trainer", "apps/report"},
    "apps/predict": TRAINER | {"apps/trainer"},
    "apps/baselines": TRAINER | {"apps/trainer"},
    "apps/generate": TRAINER | {"apps/trainer"},
    "apps/run_report": TRAINER | {"apps/trainer", "apps/report", "apps/inspect", "apps/generate", "apps/baselines"},
    "apps/exchange": TRAINER | {"apps/trainer", "models/formats", "models/export"},
    "apps/measure": TRAINER | {"apps/trainer"},
    "apps/compare": TRAINER | {"apps/trainer", "apps/report", "apps/inspect", "apps/measure"},
    "apps/commands": TRAINER | {"apps/trainer", "apps/report", "apps/inspect", "apps/predict", "apps/generate",
                                "apps/run_report", "apps/baselines",
                                "apps/exchange", "apps/measure", "apps/compare", "models/formats", "data/readers", "data/proposals",
                                "data/tokenizer"},
    "apps": CORE | {"apps/commands"},
}


def room_of(path):
    """"data/registry.h" is of the room data/registry, "data/batch.h" of data."""
    return max((room for room in MAY_INCLUDE if re.match(rf"{room}[/.]", path)), key=len)


def circles(includes):
    """Headers from which a walk over the includes comes back, as paths."""
    done, found = set(), []

    def walk(path, way):
        if path in way:
            found.append(" -> ".join([*way[way.index(path):], path]))
        elif path not in done:
            for target in includes.get(path, ()):
                walk(target, [*way, path])
            done.add(path)

    for path in includes:
        walk(path, [])
    return found


def main():
    source = Path(sys.argv[1])
    includes, wrong = {}, []
    for path in sorted(path for room in ROOMS for path in (source / room).rglob("*") if path.suffix in CPP + EMBEDDED):
        name, text = str(path.relative_to(source)), path.read_text()
        if path.suffix in CPP:
            includes[name] = [re.sub(r"^embedded/(.*)\.h$", r"\1", target)
                              for target in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)]
        if len(text.splitlines()) > LINES:
            wrong.append(f"{name}: {len(text.splitlines())} lines; a source file has one subject and at most {LINES}")
        allowed = MAY_INCLUDE[room_of(name)] | {room_of(name)}
        wrong += [f"{name}: includes {target}; {room_of(name)} may include {', '.join(sorted(allowed))} only"
                  for target in includes.get(name, ()) if (source / target).exists() and room_of(target) not in allowed]
    wrong += ["a circle of includes: " + circle for circle in circles(includes)]
    seen = sum(map(len, includes.values()))
    if seen < 500:
        wrong.append(f"only {seen} includes were seen: is {source} the source folder?")
    print("\n".join(wrong) or f"{len(includes)} files, {seen} includes: all well")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
