#!/usr/bin/env python3
"""docs/adding.md shows the examples as they are: a block that names a file holds that file's text.

    tests/adding/docs_test.py SOURCE_DIR [--update]      --update writes the blocks anew

"```cpp examples/op/fo_pool.h: forward" is the part of the file from the comment "// [forward]" to the next such comment,
without the indentation that its lines share; without a name, the whole file. "```diff FILE" is what examples/places.txt
adds to FILE. Every part of an example must be shown, unless it is called "rest"; blocks of commands name no file.
"""

import re
import sys
import textwrap
from pathlib import Path

import places

BLOCK = re.compile(r"^```(\w+)(?: ([^\n:]+)(?:: (\w+))?)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^ *// \[(\w+)\]\n", re.MULTILINE)
COMMANDS = {"sh", "text"}


def parts(path):
    """The marked parts of a file, by name."""
    names_and_texts = MARK.split(path.read_text())[1:]
    return {name: textwrap.dedent(text).strip("\n") + "\n"
            for name, text in zip(names_and_texts[::2], names_and_texts[1::2]) if name != "rest"}


def main():
    root = Path(sys.argv[1])
    update = "--update" in sys.argv[2:]
    document = root / "docs/adding.md"
    text, wrong, shown = document.read_text(), [], set()
    additions = places.read(root)
    added = {file: inserts for addition in additions for file, inserts in addition.lines.items()}
    examples = [path for path in sorted((root / "examples").rglob("*")) if path.suffix in (".h", ".cpp", ".json")]

    def content(language, file, part):
        if language == "diff":
            return "".join(f"+{line}\n" for _, new in added[file] for line in new)
        return parts(root / file)[part] if part else (root / file).read_text()

    def block(match):
        language, file, part, old = match.groups()
        if file is None:
            if language not in COMMANDS:
                wrong.append(f"a block of {language} that names no file: \"{old.splitlines()[0]}\"")
            return match[0]
        shown.add((file, part))
        try:
            new = content(language, file, part)
        except (KeyError, OSError):
            wrong.append(f"{file}: {part or 'the file'} is not there")
            return match[0]
        if new != old:
            wrong.append(f"{file}{': ' + part if part else ''}: the document shows another text (--update writes it)")
        return match[0][:match.start(4) - match.start()] + new + "```"

    updated = BLOCK.sub(block, text)
    if update:
        document.write_text(updated)
        wrong = [one for one in wrong if "--update" not in one]
    for path in examples:
        file = str(path.relative_to(root))
        wrong += [f"{file}: the document does not show {part or 'it'}"
                  for part in (parts(path) or [None]) if (file, part) not in shown]
    wrong += [f"{file}: the document does not show the lines that it gets" for file in added if (file, None) not in shown]
    if len(shown) < 10:
        wrong.append(f"the document shows only {len(shown)} blocks of code: are they read rightly?")
    print("docs/adding.md: " + ("\n".join(wrong) or f"{len(shown)} blocks, all as in the examples"))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
