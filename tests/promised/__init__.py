"""What the program promises, put to the test: kills, bad files and attacks; tests/bench/promises.py prints what came of them."""
