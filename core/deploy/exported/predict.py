"""Classify texts with this exported student.

    python predict.py "Winter tyres fitted while you wait."        from predict import Student
    python predict.py --fp32 < one-text-a-line.txt                 Student(folder).predict(["Winter tyres ...", ...])

An asset of several text fields is one text: its fields, a line break between them.
"""

import argparse
import json
import os
import sys

from runtime import Student, load  # noqa: F401 - Student is for those who import from here


def main():
    command = argparse.ArgumentParser(description="Classify texts: those given, else the lines of standard input.")
    command.add_argument("texts", nargs="*", metavar="TEXT")
    size = command.add_mutually_exclusive_group()
    size.add_argument("--int8", action="store_true", default=True, help="the small, fast graphs (default)")
    size.add_argument("--fp32", action="store_true", help="the exact graphs")
    args = command.parse_args()
    try:
        student = load(int8=not args.fp32)
    except ValueError as error:  # a damaged file
        sys.exit(str(error))
    if not args.texts:
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    for answer in student.predict(args.texts or sys.stdin.read().splitlines()):
        say(answer)


def say(answer):
    """One line of JSON, in escapes where the console lacks a letter; whoever reads it may have read enough."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        line = json.dumps(answer)
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
