"""Messages: every value comes back as it was; whatever is malformed is refused."""

import contextlib
import enum
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.jailed.limits import MAX_MESSAGE
from autograder.jailed.wire import (
    Decoder,
    Encoder,
    Unsendable,
    WireError,
    pack,
    size_of,
    unpack,
)


def refuse(*_):
    raise WireError("no objects here")


def there_and_back(value):
    encoder = Encoder(export=refuse)
    node = encoder.node(value)
    header, buffers = unpack(pack({"value": node}, encoder.buffers))
    return Decoder(buffers, refuse).value(header["value"])


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, float):
        return type(b) is float and (a == b or (math.isnan(a) and math.isnan(b)))
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


# The time that a loaded machine takes says nothing about the values.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plain)
def test_plain_values_come_back(value):
    assert same(value, there_and_back(value))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 1, 3), (2, 0, 3)])
def test_tensors_come_back(dtype, shape):
    tensor = torch.arange(math.prod(shape)).reshape(shape).to(dtype)
    back = there_and_back(tensor)
    assert back.dtype == dtype and torch.equal(back, tensor)


def test_views_bools_arrays_and_sets_come_back():
    tensor = torch.arange(12.0).reshape(3, 4).T
    assert torch.equal(there_and_back(tensor), tensor)
    mask = torch.tensor([True, False, True])
    assert torch.equal(there_and_back(mask), mask)
    array = np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::-1]
    assert np.array_equal(there_and_back(array), array)
    assert there_and_back({"a", "b"}) == {"a", "b"}
    assert there_and_back(torch.tanh) is torch.tanh
    assert there_and_back(torch.float32) is torch.float32
    assert there_and_back(np.float64(2.5)) == 2.5
    assert there_and_back(b"\x00\xff") == b"\x00\xff"


class Number(enum.IntEnum):
    TWO = 2


class Word(str):
    pass


def test_subclasses_of_built_in_values_come_back_as_what_they_derive_from():
    values = there_and_back([Number.TWO, Word("a"), np.float32(0.5)])
    assert values == [2, "a", 0.5] and [type(value) for value in values] == [int, str, float]


def test_a_leaf_brings_its_gradient():
    leaf = torch.ones(3, requires_grad=True)
    (leaf * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    back = there_and_back(leaf)
    assert back.requires_grad and torch.equal(back.grad, torch.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "value", [2**63, torch.zeros(1).to_sparse(), torch.empty(2, device="meta"), np.array(["a"])]
)
def test_what_has_no_form_is_refused(value):
    with pytest.raises(Unsendable):
        there_and_back(value)


def test_a_value_nested_without_end_is_refused():
    value = []
    value.append(value)
    with pytest.raises(Unsendable):
        there_and_back(value)


def test_a_message_in_pieces_waits_for_the_rest():
    message = pack({"value": 1}, [b"abc"])
    for cut in range(len(message)):
        assert size_of(message[:cut]) is None
    assert size_of(message + b"more") == len(message)
    assert unpack(message)[0]["value"] == 1


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_or_wait(data):
    try:
        size = size_of(data)
        header = {} if size is None else unpack(data[:size])[0]
    except WireError:
        return
    assert isinstance(header, dict)


TAGS = ["list", "tuple", "set", "dict", "tensor", "array", "float", "bytes", "dtype", "torch"]
TAGS += ["object", "yours", "nonsense"]

nodes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(
            st.sampled_from(TAGS),
            inner,
            inner,
            inner,
            inner,
        ).map(list)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(nodes, st.lists(st.binary(max_size=40), max_size=3))
def test_arbitrary_nodes_give_a_value_or_are_refused(node, buffers):
    with contextlib.suppress(WireError):
        Decoder([memoryview(bytearray(buffer)) for buffer in buffers], refuse).value(node)


@pytest.mark.parametrize(
    "node",
    [
        ["tensor", "float32", [1 << 40], 0, {}],
        ["tensor", "float32", [1 << 62, 0], 0, {}],
        ["tensor", "float32", [-1, -4], 0, {}],
        ["tensor", "float32", [2.0, 2], 0, {}],
        ["tensor", "object", [4], 0, {}],
        ["tensor", "int64", [2], 0, {"leaf": True}],
        ["tensor", "float32", [4], 9, {}],
        ["tensor", "float32", [4], -1, {}],
        ["array", "object", [2], 0],
        ["array", "float64", [3], 0],
    ],
)
def test_a_tensor_that_lies_about_itself_is_refused(node):
    with pytest.raises(WireError):
        Decoder([memoryview(bytearray(16))], refuse).value(node)


def test_a_bool_tensor_holds_only_bools():
    node = ["tensor", "bool", [4], 0, {}]
    back = Decoder([memoryview(bytearray([0, 1, 2, 255]))], refuse).value(node)
    assert back.view(torch.uint8).tolist() == [0, 1, 1, 1]


def test_a_length_beyond_the_limit_is_refused_before_it_is_read():
    with pytest.raises(WireError):
        unpack((MAX_MESSAGE + 1).to_bytes(4, "big") + (2).to_bytes(4, "big"))


def test_deeply_nested_json_is_refused():
    text = b"[" * 100_000
    data = (len(text) + 4).to_bytes(4, "big") + len(text).to_bytes(4, "big") + text
    with pytest.raises(WireError):
        unpack(data)
