"""Commands that stand in files of their own, by topic: each has `options(command)` and `run(args) -> (result, text)`."""
