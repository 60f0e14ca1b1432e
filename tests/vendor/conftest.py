"""The small client of the evaluation's tests, here as well."""

from tests.evaluate.conftest import client

__all__ = ["client"]
