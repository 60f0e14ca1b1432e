"""Images of assets on the pages: small, beside their words; nothing where assets are text alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core.images import kept

IMAGE = "Image"  # the column of a table that shows them
CELL = (128, 64)  # pixels


def beside(db: Database, client_id: int, asset_id: int) -> AbstractContextManager:
    """The image of an asset, where it has one, and the place for what stands beside it."""
    paths = kept.of_assets(db, client_id, [asset_id])
    if not paths:
        return nullcontext()
    left, right = st.columns([2, 3], gap="medium")
    left.image(paths[asset_id].read_bytes())
    return right


def first(db: Database, client_id: int, table: pd.DataFrame, ids: Sequence[Any]) -> pd.DataFrame:
    """A table of assets with their images in its first column; as it is where none of them has one. `ids`: of its rows."""
    if not kept.any_of(db, client_id):
        return table
    paths = kept.of_assets(db, client_id, map(int, ids))
    if not paths:
        return table
    shown = {id: _cell(path.read_bytes()) for id, path in paths.items()}
    shifted = table.copy()
    shifted.insert(0, IMAGE, [shown.get(int(id)) for id in ids])
    return shifted


def _cell(jpeg: bytes) -> str:
    """An image as the address of one that fits a table's cell whole: the table would cut off the ends of a wide one."""
    inner = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    size = f'width="{CELL[0]}" height="{CELL[1]}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image {size} href="{inner}"/></svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def columns(table: pd.DataFrame) -> dict[str, Any]:
    """How such a table's images are drawn, for its column_config."""
    return {IMAGE: st.column_config.ImageColumn(IMAGE, width=CELL[0] + 20)} if IMAGE in table else {}
