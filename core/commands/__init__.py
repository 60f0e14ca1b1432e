"""The commands, a file each: `SUMMARY` is its line in the list of them, `options(command)` adds its options, `run(args)` gives its
result as a dict and as text.

Imports of what is heavy stand inside `run`, so that --help answers at once.
"""
