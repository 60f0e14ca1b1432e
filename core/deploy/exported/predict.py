"""Classify texts, or images, with this exported student.

    python predict.py "Winter tyres fitted while you wait."        from predict import Student
    python predict.py --fp32 < one-text-a-line.txt                 Student(folder).predict(["Winter tyres ...", ...])
    python predict.py --images FOLDER                              Student(folder).predict(texts, ["a.png", None, ...])
    python predict.py --table creatives.csv --image-column image --text-column words

An asset of several text fields is one text: its fields, a line break between them. The words on an image are read as Understudy
reads them, where the packages of requirements-images.txt are installed, and follow what the table says; --no-read leaves that out
for a table that has them already. In Python: words_on("a.png").
"""

import argparse
import csv
import functools
import json
import os
import sys
from pathlib import Path

from runtime import Student, load, sight  # noqa: F401 - Student is for those who import from here

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
MOST = 20_000  # characters of a text that an asset has in Understudy
INSTALL = "pip install -r requirements-images.txt"


def main():
    command = argparse.ArgumentParser(
        description="Classify texts (those given, else the lines of standard input) or images."
    )
    command.add_argument("texts", nargs="*", metavar="TEXT")
    command.add_argument(
        "--images", type=Path, metavar="FOLDER", help="the images in a folder, and in folders within it"
    )
    command.add_argument("--table", type=Path, metavar="CSV", help="a table that names images, in UTF-8")
    command.add_argument(
        "--image-column", default="image", help="its column of files, beside the table or by whole paths"
    )
    command.add_argument(
        "--text-column", action="append", default=[], help="its column of words; several times for several"
    )
    command.add_argument(
        "--no-read", action="store_true", help="do not read the words on images: the table has them already"
    )
    size = command.add_mutually_exclusive_group()
    size.add_argument("--int8", action="store_true", default=True, help="the small, fast graphs (default)")
    size.add_argument("--fp32", action="store_true", help="the exact graphs")
    args = command.parse_args()
    try:
        student = load(int8=not args.fp32)
    except ValueError as error:  # a damaged file
        sys.exit(str(error))
    if args.images or args.table:
        answer_images(student, in_table(args) if args.table else in_folder(args.images), not args.no_read)
        return
    if not args.texts:
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    for answer in student.predict(args.texts or sys.stdin.read().splitlines()):
        say(answer)


def in_folder(folder):
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}.")
    return [(file, "") for file in sorted(folder.rglob("*")) if file.suffix.lower() in ENDINGS]


def in_table(args):
    """Each row's image and typed words."""
    try:
        with open(args.table, encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        sys.exit(f"{args.table} cannot be read: {error}")
    for column in (args.image_column, *args.text_column):
        if rows and column not in rows[0]:
            sys.exit(f"{args.table} has no column {column}; it has {', '.join(rows[0])}.")
    words = [joined(row[column] or "" for column in args.text_column) for row in rows]
    return [(args.table.parent / (row[args.image_column] or ""), text) for row, text in zip(rows, words)]


def answer_images(student, named, read):
    """A line for each image; one that cannot be read has `problem` in the place of an answer."""
    try:
        looking, reads = sight("looking"), read and sight("words").installed()
    except ImportError:
        sys.exit("This student learned from texts alone; give it texts.")
    lacking = f"install what reads them: {INSTALL}" if read else "leave out --no-read"
    if named and not reads and not any(typed.strip() for _, typed in named):
        sys.exit(
            f"No words are given with the images. Name the table's column of them with --text-column, or {lacking}."
        )
    for file, typed in named:
        told = {"image": str(file)}
        try:
            image = file.read_bytes()
            if reads:
                told["words"] = words_on(image)
            text = joined([typed, told.get("words", "")])
            if text:
                told |= student.predict([text], [image])[0]
            elif reads:
                told["problem"] = "It has no words that can be read."
            else:
                told["problem"] = f"No words are given with it; give them in the table, or {lacking}."
        except IsADirectoryError:
            told["problem"] = "It is a folder."
        except OSError:
            told["problem"] = "There is no such file, or it may not be read."
        except looking.Unfit as error:
            told["problem"] = f"It {error.what}"
        say(told)


def joined(parts):
    """One text of several, as Understudy makes an asset's."""
    return "\n".join(stripped for part in parts if (stripped := part.strip()))[:MOST]


def words_on(image):
    """The words on an image (its path, or its bytes), as Understudy reads them: a piece of text a line, from the top, after "# "
    those set large. ImportError where the packages of requirements-images.txt are missing, OSError where there is no such file,
    sight.looking.Unfit where it is no image."""
    image = image if isinstance(image, bytes) else Path(image).read_bytes()
    upright = sight("looking").upright(image)
    return sight("words").text_of(reader().read(upright))


@functools.cache
def reader():
    return sight("words").Reader()


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
