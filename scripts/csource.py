# SPDX-License-Identifier: GPL-3.0-or-later
"""The C that the checkers of scripts/ read: tokens with their lines.

Comments, strings, character constants and preprocessor lines are no tokens.
This is no compiler: it knows only the forms that the house style uses.
"""

import glob
import re

FOLDERS = ("agent", "lfs", "test")
OPEN = {"(": ")", "[": "]", "{": "}"}

# A comment, a string, a character, a whole directive, or a token.
PIECE = re.compile(
    r"""
      (?P<skip> \s+ | \\\n | /\*.*?\*/ | //[^\n]* )
    | (?P<text> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
    | (?P<name> [A-Za-z_]\w* )
    | (?P<number> \.?\d(?:[eEpP][+-]|[\w.])* )
    | (?P<mark> \.\.\. | -> | && | \|\| | [^\s\w] )
    """, re.X | re.S)

COMMENT_OR_TEXT = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"][^>"]+)[>"]', re.M)


class Token:
    def __init__(self, kind, text, line):
        self.kind = kind
        self.text = text
        self.line = line


def files(*folders):
    """Every .c and .h file below the folders, in order."""
    found = []
    for folder in folders or FOLDERS:
        for suffix in "ch":
            found += glob.glob(f"{folder}/**/*.{suffix}", recursive=True)
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _blank(match):
    """White space of as many lines as the match has."""
    return re.sub(r"[^\n]", " ", match.group())


def _uncomment(match):
    return match.group() if match.group()[0] in "\"'" else _blank(match)


def includes(text):
    """(line, '<' or '"', name) of every #include."""
    text = COMMENT_OR_TEXT.sub(_uncomment, text)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.end(1)) + 1
        yield line, match.group(1)[0], match.group(1)[1:]


def tokens(text, directives=False):
    """The tokens of a file; with `directives`, those of macros too."""
    text = COMMENT_OR_TEXT.sub(_uncomment, text)
    if not directives:
        text = DIRECTIVE.sub(_blank, text)
    line = 1
    found = []
    for match in PIECE.finditer(text):
        if match.lastgroup != "skip":
            found.append(Token(match.lastgroup, match.group(), line))
        line += match.group().count("\n")
    return found


def calls(text):
    """(line, name) of everything that looks like a call of a function."""
    found = tokens(text, directives=True)
    for i, token in enumerate(found[:-1]):
        before = found[i - 1].text if i else ""
        if (token.kind == "name" and found[i + 1].text == "("
                and before not in (".", "->")):
            yield token.line, token.text


def past(tokens, i):
    """The index after the bracket that closes the one at i."""
    depth = 0
    while i < len(tokens):
        text = tokens[i].text
        depth += (text in OPEN) - (text in OPEN.values())
        i += 1
        if not depth:
            break
    return i
