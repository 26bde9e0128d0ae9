#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints where files break .editorconfig: editorconfig.py FILE..., names from its directory.

Knows what ours uses: charset, final newline, trailing blanks, line ends, indentation.
"""

import configparser
import fnmatch
import re
import sys

INDENT = {
    "tab": (re.compile(r" {8}|\t* +\t"), "spaces where a tab belongs"),
    "space": (re.compile(r" *\t"), "a tab where spaces belong"),
}


def expand(glob):
    """One "{a,b}" in a section's name makes several patterns."""
    match = re.fullmatch(r"(.*)\{(.*)\}(.*)", glob)
    if not match:
        return [glob]
    return [match[1] + word + match[3] for word in match[2].split(",")]


def matches(name, glob):
    """Like editors do: a pattern without a slash is about the last part of a name."""
    if "/" not in glob:
        name = name.rsplit("/", 1)[-1]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in expand(glob))


def rules_for(config, name):
    """Later sections override earlier ones."""
    rules = {}
    for glob in config.sections():
        if matches(name, glob):
            rules.update(config[glob])
    return rules


def line_faults(line, rules):
    """What is wrong with one line."""
    if rules.get("trim_trailing_whitespace") == "true" and line != line.rstrip():
        yield "trailing blank"
    bad, text = INDENT.get(rules.get("indent_style"), (None, None))
    if bad and bad.match(line):
        yield text


def check(name, rules):
    """Prints what is wrong with one file."""
    with open(name, encoding=rules.get("charset"), newline="") as file:
        text = file.read()
    if rules.get("insert_final_newline") == "true" and text and not text.endswith("\n"):
        print(f"{name}: no newline at its end")
    if rules.get("end_of_line") == "lf" and "\r" in text:
        print(f"{name}: a carriage return")
    for number, line in enumerate(text.split("\n"), 1):
        for fault in line_faults(line, rules):
            print(f"{name}:{number}: {fault}")


def main():
    """A checkout's .editorconfig, against the files that are named."""
    config = configparser.ConfigParser(interpolation=None, default_section="[preamble]")
    with open(".editorconfig", encoding="utf-8") as file:
        config.read_string("[[preamble]]\n" + file.read())
    for name in sys.argv[1:]:
        check(name, rules_for(config, name))


main()
