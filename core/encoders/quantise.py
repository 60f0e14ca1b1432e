"""Int8 quantisation of ONNX graphs, token by token: what a text is read with does not change what is made of it.

onnxruntime's own dynamic quantisation rounds the activations of a whole batch with one scale, so that a text's vector turns with
the texts beside it, and a few large channels decide how finely the others are rounded. Here each token has a scale of its own
(Yao et al. 2022, "ZeroQuant"), after the channels have been evened out: each is divided by a number by which the weights it meets
are multiplied, so that the graph computes the same and rounds less (Xiao et al. 2023, "SmoothQuant"). Mean cosine of the small
graph's vectors to the exact ones: 0.9991 instead of 0.9936 for all-MiniLM-L6-v2, 0.998 instead of 0.975 for all-mpnet-base-v2;
the price is a seventh of the speed (docs/students.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

MIGRATION = 0.6  # alpha of the paper: how much of a channel's spread moves into the weights
MOST = 127  # int8, symmetric
MIDDLE = 128  # what stands for 0 among unsigned activations
TINY = 1e-9  # the size that a token of zeros alone is taken to have
QUIET = 0.1  # of the median channel: what every channel is taken to reach
LEAST = 10_000  # numbers in a table worth rounding
MICROSOFT = "com.microsoft"  # onnxruntime's own operators

Inputs = dict[str, np.ndarray]


def quantise(plain: Path, path: Path, samples: Sequence[Inputs]) -> None:
    """Write the ONNX file `plain` to `path`: its products with tables of weights in int8, a scale for each token and each output;
    the tables it looks tokens up in as int8, a scale for each row. `samples` are batches of inputs that show how large each
    channel becomes."""
    import onnx

    model = onnx.load(plain)
    graph = model.graph
    tables = {
        table.name: table
        for table in graph.initializer
        if len(table.dims) == 2 and np.prod(table.dims) >= LEAST and table.data_type == onnx.TensorProto.FLOAT
    }
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in tables]
    read = list(dict.fromkeys(node.input[0] for node in products))
    evened = {
        name: _evening(largest, [_array(tables[node.input[1]]) for node in products if node.input[0] == name])
        for name, largest in zip(read, _largest(plain, read, samples))
    }
    pieces = _Pieces()
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in tables:
            pieces.product(node, _array(tables[node.input[1]]), evened[node.input[0]])
        elif node.op_type == "Gather" and node.input[0] in tables and not any(axis.i for axis in node.attribute):
            pieces.look_up(node, _array(tables[node.input[0]]))
        else:
            pieces.nodes.append(node)
    pieces.put_into(model)
    onnx.save(model, path)


def _array(table) -> np.ndarray:
    from onnx import numpy_helper

    return numpy_helper.to_array(table)


def _evening(largest: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """What to divide each channel by: it is as large as `largest`, and meets the rows of `weights`."""
    met = np.max([np.abs(table).max(1) for table in weights], axis=0)
    # A channel the samples hardly moved may move on other texts.
    largest, met = (np.maximum(sizes, QUIET * np.median(sizes) + 1e-6) for sizes in (largest, met))
    scale = largest**MIGRATION / met ** (1 - MIGRATION)
    return (scale / np.exp(np.log(scale).mean())).astype(np.float32)


def _rounded(table: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """`table` in int8, and the scales by which to multiply it, one for each stretch along `axis`."""
    scale = (np.abs(table).max(axis, keepdims=True) / MOST).astype(np.float32)
    scale[scale == 0] = 1
    return np.round(table / scale).astype(np.int8), scale


class _Pieces:
    """The nodes and constants of the graph in the making."""

    def __init__(self) -> None:
        self.nodes: list = []
        self._constants: dict[str, np.ndarray] = {}
        self._split: set[str] = set()  # activations whose tokens have been rounded

    def product(self, node, weights: np.ndarray, evened: np.ndarray) -> None:
        """In the place of a MatMul: round the tokens it reads, multiply whole numbers, scale the result."""
        source, table, result = node.input[0], node.input[1], node.output[0]
        if source not in self._split:
            self._round_tokens(source, evened)
        small, scale = _rounded(weights * evened[:, None], 0)
        inputs = [
            f"{source}.int8",
            self._constant(f"{table}.int8 for {source}", small),  # another source is evened otherwise
            self._constant("int8.one", np.float32(1)),
            self._constant(f"{table}.scale for {source}", scale[0]),
            self._constant("int8.middle", np.uint8(MIDDLE)),
            self._constant(f"{table}.zero", np.zeros(small.shape[1], np.int8)),
        ]
        self._add("MatMulIntegerToFloat", inputs, f"{result}.unscaled", domain=MICROSOFT)
        self._add("Mul", [f"{result}.unscaled", f"{source}.scale"], result)

    def _round_tokens(self, source: str, evened: np.ndarray) -> None:
        self._split.add(source)
        self._add("Mul", [source, self._constant(f"{source}.even", 1 / evened)], f"{source}.evened")
        self._add("Abs", [f"{source}.evened"], f"{source}.sizes")
        self._add("ReduceMax", [f"{source}.sizes"], f"{source}.largest", axes=[-1], keepdims=1)
        self._add("Max", [f"{source}.largest", self._constant("int8.tiny", np.float32(TINY))], f"{source}.most")
        self._add("Div", [f"{source}.most", self._constant("int8.steps", np.float32(MOST))], f"{source}.scale")
        self._add("Reciprocal", [f"{source}.scale"], f"{source}.inverse")
        self._add("Mul", [f"{source}.evened", f"{source}.inverse"], f"{source}.stretched")
        constants = [self._constant("int8.one", np.float32(1)), self._constant("int8.middle", np.uint8(MIDDLE))]
        self._add("QuantizeLinear", [f"{source}.stretched", *constants], f"{source}.int8")

    def look_up(self, node, rows: np.ndarray) -> None:
        """In the place of a Gather: look the row and its scale up, and multiply them."""
        table, which, result = node.input[0], node.input[1], node.output[0]
        small, scale = _rounded(rows, 1)
        self._add("Gather", [self._constant(f"{table}.int8", small), which], f"{result}.int8")
        self._add("Gather", [self._constant(f"{table}.scale", scale), which], f"{result}.scale")
        self._add("Cast", [f"{result}.int8"], f"{result}.unscaled", to=1)  # to float32
        self._add("Mul", [f"{result}.unscaled", f"{result}.scale"], result)

    def put_into(self, model) -> None:
        """Make them the nodes and constants of `model`; tables that nothing reads any more are left out."""
        from onnx import helper, numpy_helper

        graph = model.graph
        wanted = {name for node in self.nodes for name in node.input}
        tables = [table for table in graph.initializer if table.name in wanted]
        constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in self._constants.items()]
        for field, values in ((graph.node, self.nodes), (graph.initializer, [*tables, *constants])):
            del field[:]
            field.extend(values)
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))

    def _constant(self, name: str, value: np.ndarray) -> str:
        self._constants.setdefault(name, value)
        return name

    def _add(self, operator: str, inputs: Iterable[str], output: str, **attributes) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))


def _largest(plain: Path, names: list[str], samples: Sequence[Inputs]) -> list[np.ndarray]:
    """The largest absolute value in each channel of the tensors `names` of the graph in `plain`, on `samples`."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    model = onnx.load(plain)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    largest = [np.zeros(1, np.float32)] * len(names)
    for inputs in samples:
        read = session.run(names, inputs)
        sizes = [np.abs(part).reshape(-1, part.shape[-1]).max(0) for part in read]
        largest = [np.maximum(most, size) for most, size in zip(largest, sizes)]
    return largest
