"""Classify texts with this exported student.

    python predict.py "Winter tyres fitted while you wait."        from predict import Student
    python predict.py --fp32 < one-text-a-line.txt                 Student(folder).predict(["Winter tyres ...", ...])

An asset of several text fields is one text: its fields, a line break between them.
"""

import argparse
import json
import sys

from runtime import Student


def main():
    command = argparse.ArgumentParser(description="Classify texts: those given, else the lines of standard input.")
    command.add_argument("texts", nargs="*", metavar="TEXT")
    size = command.add_mutually_exclusive_group()
    size.add_argument("--int8", action="store_true", default=True, help="the small, fast graphs (default)")
    size.add_argument("--fp32", action="store_true", help="the exact graphs")
    args = command.parse_args()
    try:
        student = Student(int8=not args.fp32)
    except ValueError as error:  # a damaged file
        sys.exit(str(error))
    for answer in student.predict(args.texts or sys.stdin.read().splitlines()):
        print(json.dumps(answer, ensure_ascii=False))


if __name__ == "__main__":
    main()
