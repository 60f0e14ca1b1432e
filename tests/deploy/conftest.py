from tests.evaluate.conftest import client

__all__ = ["client"]
