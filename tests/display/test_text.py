import collections
import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import State, nn
from brainlite.display import Shown, ShownMapping, ShownSequence, _open, text_repr, to_text
from brainlite.errors import OptionError

calls = collections.Counter[str]()


class Obj:
    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def __display__(self) -> Shown:
        calls["display"] += 1
        return Shown(type(self).__name__, list(self.fields.items()))

    __repr__ = text_repr


class Linear(Obj): ...


class ParamState(Obj): ...


class HiddenState(Obj): ...


class Net(Obj): ...


class ValinaRNNCell(Obj): ...


class ZeroInit(Obj):
    __display_shared__ = False


class Unit:
    def __repr__(self) -> str:
        return "Unit(10.0^0)"


class Broken:
    def __repr__(self) -> str:
        raise ValueError("out of order")


class NoFields:
    def __display__(self) -> Shown:
        raise ValueError("out of order")


def linear(inputs: int, outputs: int) -> Linear:
    value = {"weight": jnp.ones((inputs, outputs)), "bias": jnp.zeros(outputs)}
    weight = ParamState(value=value)
    return Linear(in_size=(inputs,), out_size=(outputs,), w_mask=None, weight=weight)


def field(value: Any, **options: Any) -> str:
    """The text of one field, without the object around it."""
    lines = to_text(Net(x=value), **options).split("\n")[1:-1]
    return "\n".join(line[2:] for line in lines).removeprefix("x=")


# The format.

CELL = """\
ValinaRNNCell(
  in_size=(10,),
  out_size=(20,),
  num_out=20,
  num_in=10,
  state_initializer=ZeroInit(
    unit=Unit(10.0^0)
  ),
  activation=<function relu at 0x0>,
  W=Linear(
    in_size=(30,),
    out_size=(20,),
    w_mask=None,
    weight=ParamState(
      value={
        'bias': ShapedArray(float32[20]),
        'weight': ShapedArray(float32[30,20])
      }
    )
  ),
  h=HiddenState(
    value=ShapedArray(float32[20])
  )
)"""


def unwrapped(function: Any) -> Any:
    return function


def _numbered(value: object) -> str:
    """Name a case by its type: a repr may hold an address, which differs between two runs."""
    return type(value).__name__


@pytest.mark.parametrize("wrap", [unwrapped, jax.jit, jax.custom_jvp])
def test_a_recurrent_cell_prints_line_for_line(wrap: Callable[[Any], Any]) -> None:
    def relu(x: Any) -> Any:
        return x

    relu.__qualname__ = "relu"
    cell = ValinaRNNCell(
        in_size=(10,),
        out_size=(20,),
        num_out=20,
        num_in=10,
        state_initializer=ZeroInit(unit=Unit()),
        activation=wrap(relu),
        W=linear(30, 20),
        h=HiddenState(value=jnp.zeros(20)),
    )
    assert re.sub(r"0x[0-9a-f]+", "0x0", repr(cell)) == CELL


def test_an_object_without_fields_prints_on_one_line() -> None:
    assert to_text(Net()) == "Net()"
    assert to_text([Net(), Net()]) == "[\n  Net(),\n  Net()\n]"
    assert to_text(Net(), depth=0) == "Net()"


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Config:
    rate: Any
    hidden: int = dataclasses.field(default=1, repr=False)


def act(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("a\nb", r"'a\nb'"),
        ((1, 2.5, "a", None, True), "(1, 2.5, 'a', None, True)"),
        ((3,), "(3,)"),
        ((), "()"),
        ([], "[]"),
        ({}, "{}"),
        (set[int](), "set()"),
        (frozenset({"b", "a"}), "frozenset({'a', 'b'})"),
        ({"b", "a"}, "{'a', 'b'}"),
        (((1, 1), (2, 2)), "((1, 1), (2, 2))"),
        ({"rate": 0.1, "sizes": [1, 2]}, "{'rate': 0.1, 'sizes': [1, 2]}"),
        (collections.OrderedDict(b=1, a=2), "OrderedDict({'b': 1, 'a': 2})"),
        (collections.deque([1, 2]), "deque([1, 2])"),
        (np.dtype("float32"), "dtype('float32')"),
        (np.float32(1.5), "np.float32(1.5)"),
        (slice(1, 2), "slice(1, 2, None)"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (Config(0.1), "Config(rate=0.1)"),
        (functools.partial(act, x=1), f"functools.partial({act!r}, x=1)"),
        (functools.partial(act, 1), f"functools.partial({act!r}, 1)"),
    ],
    ids=_numbered,
)
def test_plain_values_print_on_one_line(value: Any, text: str) -> None:
    assert field(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([act], f"[\n  {act!r}\n]"),
        ((Net(),), "(\n  Net(),\n)"),
        ({"b": Net(), "a": 1}, "{\n  'b': Net(),\n  'a': 1\n}"),
        (Point(Net(), 2), "Point(\n  x=Net(),\n  y=2\n)"),
        (Config(jnp.ones(2)), "Config(\n  rate=ShapedArray(float32[2])\n)"),
        ([list(range(32)), 1], f"[\n  {list(range(32))},\n  1\n]"),
    ],
    ids=_numbered,
)
def test_other_containers_print_one_item_a_line(value: Any, text: str) -> None:
    assert text == field(value)


def test_a_dict_of_arrays_is_sorted_as_jax_sorts_it() -> None:
    value = {"b": jnp.ones(1), "a": {"d": jnp.ones(2), "c": 1.0}}
    assert field(value) == (
        "{\n  'a': {\n    'c': 1.0,\n    'd': ShapedArray(float32[2])\n  },\n"
        "  'b': ShapedArray(float32[1])\n}"
    )


def test_a_dict_with_keys_that_do_not_compare_stays_as_it_is() -> None:
    assert field({"b": jnp.ones(1), 1: jnp.ones(1)}).startswith("{\n  'b':")


def test_a_method_prints_without_its_object() -> None:
    net = Net()
    net.fields["callback"] = net.__display__
    assert to_text(net) == "Net(\n  callback=<bound method Obj.__display__>\n)"


def test_a_repr_of_several_lines_is_indented() -> None:
    class Table:
        def __repr__(self) -> str:
            return "a b\n1 2"

    assert to_text([[Table()]]) == "[\n  [\n    a b\n    1 2\n  ]\n]"


# Arrays.


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (jnp.ones((30, 20)), "ShapedArray(float32[30,20])"),
        (jnp.ones((), "bfloat16"), "ShapedArray(bfloat16[])"),
        (jnp.add(1.0, 2.0), "ShapedArray(float32[], weak_type=True)"),
        (np.ones((2, 3)), "ShapedArray(float64[2,3])"),
        (jax.eval_shape(jnp.negative, np.ones(2, "int32")), "ShapedArray(int32[2])"),
        (jax.random.key(0), "ShapedArray(key<fry>[])"),
        (jax.random.key(0, impl="rbg"), "ShapedArray(key<rbg>[])"),
    ],
)
def test_arrays_print_their_type(array: Any, text: str) -> None:
    assert to_text(array) == text


def test_a_deleted_array_says_so() -> None:
    array = jnp.ones(3)
    array.delete()
    assert to_text(array) == "ShapedArray(float32[3]) <deleted>"
    assert to_text(array, values=True) == "ShapedArray(float32[3]) <deleted>"


@pytest.mark.parametrize("values", [False, True])
def test_a_traced_array_says_so_and_nothing_is_traced(values: bool) -> None:
    texts: list[str] = []

    def show(x: jax.Array) -> jax.Array:
        texts.append(to_text([x, jnp.ones(2)], values=values))
        return x

    jaxpr = jax.make_jaxpr(show)(jnp.ones((4, 3)))
    assert len(jaxpr.eqns) <= 1  # the `ones` of the test itself
    jax.vmap(show)(jnp.ones((4, 3)))

    def loss(x: jax.Array) -> jax.Array:
        return show(x).sum()

    jax.grad(loss)(jnp.ones((4, 3)))
    firsts = [re.findall(r"ShapedArray\(float32\[[\d,]+\]\) <traced>", text)[0] for text in texts]
    assert firsts == [f"ShapedArray(float32[{shape}]) <traced>" for shape in ("4,3", "3", "4,3")]


def test_a_small_array_shows_its_numbers_when_asked() -> None:
    assert to_text(jnp.arange(3.0), values=True) == "ShapedArray(float32[3], [0., 1., 2.])"
    assert to_text(jnp.add(1.0, 2.0), values=True) == "ShapedArray(float32[], 3., weak_type=True)"
    assert field(np.arange(4.0).reshape(2, 2), values=True) == (
        "ShapedArray(\n  float64[2,2],\n  [[0., 1.],\n   [2., 3.]]\n)"
    )
    assert to_text(jnp.zeros(33), values=True) == "ShapedArray(float32[33])"
    assert to_text(jax.random.key(0), values=True) == "ShapedArray(key<fry>[])"


class Guarded:
    """Stands before the ways by which the numbers of an array reach the host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.touched = 0
        cls = type(jnp.ones(1))
        for name in ("__array__", "_value", "__repr__", "__str__", "__format__", "tolist"):
            monkeypatch.setattr(cls, name, property(self.touch))

        monkeypatch.setattr(np, "asarray", self.touch)

    def touch(self, array: Any) -> Any:
        self.touched += 1
        raise AssertionError("the numbers of an array were read")


def test_nothing_is_copied_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    quantity = Quantity(jnp.ones(2), "mV")
    values = [jnp.ones(2), Point(jnp.ones(1), 2), Config(jnp.ones(1)), quantity]
    net = Net(a=linear(2, 3), b=values, c=functools.partial(act, jnp.ones(1)))
    guard = Guarded(monkeypatch)
    text = to_text(net)
    assert guard.touched == 0
    assert "raised" not in text
    to_text(net, values=True)  # the guard can fail
    assert guard.touched > 0


class Quantity:
    """A foreign pytree, as packages of physical units have it."""

    def __init__(self, mantissa: Any, unit: str) -> None:
        self.mantissa = mantissa
        self.unit = unit

    def __repr__(self) -> str:
        return f"{self.mantissa} * {self.unit}"

    def tree_flatten(self) -> tuple[tuple[Any, ...], str]:
        return (self.mantissa,), self.unit

    @classmethod
    def tree_unflatten(cls, unit: str, children: tuple[Any, ...]) -> "Quantity":
        return cls(children[0], unit)


class StrictQuantity(Quantity):
    def __repr__(self) -> str:
        return f"{self.mantissa:.2f}"


for kind in (Quantity, StrictQuantity):
    jax.tree_util.register_pytree_node_class(kind)


def test_a_foreign_pytree_prints_by_its_repr_with_types_for_arrays() -> None:
    assert to_text(Quantity(jnp.ones(2), "mV")) == "ShapedArray(float32[2]) * mV"
    assert to_text(StrictQuantity(jnp.ones(2), "mV")) == "StrictQuantity(ShapedArray(float32[2]))"


# What appears twice.


def test_a_shared_object_prints_once() -> None:
    shared = linear(1, 2)
    lines = to_text(Net(ls=[shared], states={("a", 0): shared}, W=shared)).split("\n")
    assert lines[-5:] == [
        "  states={",
        "    ('a', 0): <Linear at ls[0]>",
        "  },",
        "  W=<Linear at ls[0]>",
        ")",
    ]


def test_a_path_goes_through_every_kind_of_container() -> None:
    class Items(Obj):
        def __display__(self) -> Any:
            return ShownSequence("Items", [self.fields["item"]])

    class States(Obj):
        def __display__(self) -> Any:
            return ShownMapping([("k", self.fields["item"])])

    shared = Linear(n=1)
    net = Net(a=Items(item=States(item={"d": Point([shared], 0)})), again=shared)
    assert "again=<Linear at a[0]['k']['d'].x[0]>" in to_text(net)


def test_a_cycle_closes() -> None:
    net = Net(a=1)
    net.fields["inner"] = Linear(owner=net)
    assert to_text(net) == "Net(\n  a=1,\n  inner=Linear(\n    owner=<Net at the root>\n  )\n)"


def test_a_list_that_holds_itself_closes() -> None:
    items: list[Any] = [Net()]
    items.append(items)
    assert to_text(Net(ls=items)) == "Net(\n  ls=[\n    Net(),\n    <list at ls>\n  ]\n)"


def test_equal_objects_of_two_identities_both_print() -> None:
    assert to_text([Linear(n=1), Linear(n=1)]).count("n=1") == 2


def test_a_class_may_say_that_sharing_means_nothing() -> None:
    zero = ZeroInit(unit=1)
    assert to_text([zero, zero]).count("unit=1") == 2
    zero.fields["unit"] = zero
    assert to_text(zero) == "ZeroInit(\n  unit=<ZeroInit at the root>\n)"


def test_temporary_objects_are_not_taken_for_one() -> None:
    class Fresh:
        def __display__(self) -> ShownSequence:
            return ShownSequence("Fresh", [Linear(n=i) for i in range(3)])

    assert " at " not in to_text([Fresh(), Fresh()])


def test_a_flat_dict_of_arrays_prints_again() -> None:
    value = {"w": jnp.ones(1)}
    assert to_text([value, value]).count("'w': ShapedArray(float32[1])") == 2


def test_nested_lists_that_share_their_parts_do_not_explode() -> None:
    items: list[Any] = [act]
    for _ in range(60):
        items = [items, items]
    assert to_text(items).count("\n") < 300


# What is long, deep or broken.


def test_equal_layers_fold() -> None:
    text = to_text(Net(layers=[linear(1, 1) for _ in range(20)], last=1))
    assert text.count("Linear(") == 1
    assert text.endswith("    ),\n    ... x19 more of the same\n  ],\n  last=1\n)")


def test_equal_layers_that_fit_a_screen_do_not_fold() -> None:
    lines = to_text(linear(1, 1)).count("\n") + 1
    for count, shown in [(60 // lines + 1, 60 // lines + 1), (60 // lines + 2, 1)]:
        assert to_text([linear(1, 1) for _ in range(count)]).count("Linear(") == shown
    assert to_text([act] * 12).count(repr(act)) == 12


def test_two_long_layers_do_not_fold() -> None:
    long = [Net(**{f"part{n}": n for n in range(70)}) for _ in range(3)]
    assert to_text(long[:2]).count("Net(") == 2
    assert to_text(long).count("Net(") == 1


def test_folding_finds_runs() -> None:
    layers = [linear(1, 1) for _ in range(14)]
    layers[13] = linear(2, 1)
    lines = to_text([linear(3, 1), *layers]).split("\n")
    assert [line for line in lines if line.startswith("  ...")] == ["  ... x12 more of the same,"]
    assert lines.count("  Linear(") == 3


def test_fields_fold_up_to_a_name() -> None:
    text = to_text(Net(**{f"layer{i}": linear(1, 1) for i in range(13)}))
    assert text.endswith("\n  ... x12 more of the same, up to layer12\n)")


def test_fields_of_one_line_keep_their_names() -> None:
    assert to_text(Net(**{f"x{i}": 0 for i in range(20)})).count("=0") == 20


def test_long_plain_containers_are_cut() -> None:
    assert field(list(range(33))) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... 21 more]"
    assert field(dict.fromkeys(range(100), 0)).endswith("11: 0, ... 88 more}")
    assert field([(i, i) for i in range(100)]).endswith("  (11, 11),\n  ... 88 more\n]")


def test_a_very_long_string_is_cut() -> None:
    assert field("a" * 10_000).endswith("aaa... (10002 characters)")


@pytest.mark.parametrize(
    ("depth", "text"),
    [
        (0, "Net(...)"),
        (1, "Net(\n  ls=[\n    Linear(...),\n    Linear()\n  ]\n)"),
        (2, "Net(\n  ls=[\n    Linear(\n      w=ParamState(...)\n    ),\n    Linear()\n  ]\n)"),
    ],
)
def test_depth_closes_what_lies_deeper(depth: int, text: str) -> None:
    net = Net(ls=[Linear(w=ParamState(value=1)), Linear()])
    assert to_text(net, depth=depth) == text


def test_what_depth_has_closed_may_open_later() -> None:
    shared = Linear(n=1)
    text = to_text(Net(a=Net(b=shared), c=shared), depth=2)
    assert text == "Net(\n  a=Net(\n    b=Linear(...)\n  ),\n  c=Linear(\n    n=1\n  )\n)"


def test_a_negative_depth_raises() -> None:
    with pytest.raises(OptionError, match=r"negative depth\n.*expected.*\n.*got: +-1\n.*fix"):
        to_text(Net(), depth=-1)


def chain(length: int) -> Net:
    net = Net()
    for _ in range(length):
        net = Net(n=net)
    return net


def test_deep_nesting_is_cut_at_a_hundred_levels() -> None:
    lines = to_text(chain(10_000)).split("\n")
    assert len(lines) == 201
    assert lines[100].strip() == "n=Net(...)"


def test_deep_nesting_prints_in_full_when_asked() -> None:
    text = to_text(chain(2000), depth=3000)
    assert text.count("\n") == 4000


def test_deeply_nested_lists_do_not_end_the_stack() -> None:
    items: list[Any] = [act]
    for _ in range(10_000):
        items = [items]
    assert "[...]" in to_text(items)


def count_calls(make: Callable[[int], Any], size: int) -> int:
    obj = make(size)
    calls.clear()
    to_text(obj)
    return calls["display"]


def different(size: int) -> Net:
    return Net(layers=[Linear(n=i, w=ParamState(n=i)) for i in range(size)])


def equal(size: int) -> Net:
    return Net(layers=[Linear(w=ParamState(n=1)) for _ in range(size)])


def shared(size: int) -> Net:
    return Net(layers=[Linear(w=ParamState(n=1))] * size)


@pytest.mark.parametrize("make", [different, equal, shared])
def test_each_object_is_asked_once(make: Callable[[int], Any]) -> None:
    small, large = count_calls(make, 100), count_calls(make, 1000)
    assert small <= 1 + 2 * 100
    assert large <= 1 + 2 * 1000


def test_work_is_linear_in_the_depth_of_nested_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = collections.Counter[str]()
    open_plain = _open.open_plain

    def counted(value: Any) -> Any:
        opened["containers"] += 1
        return open_plain(value)

    monkeypatch.setattr("brainlite.display._text.open_plain", counted)
    monkeypatch.setattr(_open, "open_plain", counted)
    items: list[Any] = [act]
    for _ in range(50):
        items = [items]
    to_text(items)
    assert opened["containers"] <= 51 * (_open.NESTED + 1)


@pytest.mark.parametrize("broken", [Broken(), NoFields()])
def test_a_broken_part_is_noted_and_the_rest_prints(broken: Any) -> None:
    text = to_text(Net(a=broken, b=1))
    note = f"<{type(broken).__name__}: repr raised ValueError('out of order')>"
    assert text == f"Net(\n  a={note},\n  b=1\n)"


def test_an_error_that_cannot_print_itself_is_named() -> None:
    class BadError(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("nothing works")

    class Bad:
        def __repr__(self) -> str:
            raise BadError

    assert to_text(Bad()) == "<Bad: repr raised BadError>"


def test_parts_that_lie_about_themselves_do_no_harm() -> None:
    class Malformed:
        def __display__(self) -> Any:
            return Shown("Malformed", [("a",)])  # type: ignore[list-item]  # a value is missing

    class Proxy:
        @property
        def __class__(self) -> Any:  # as a lazy proxy does before it is bound
            raise RuntimeError("not bound yet")

        @__class__.setter
        def __class__(self, cls: Any) -> None: ...

    text = to_text([Malformed(), Proxy(), dataclasses.replace(Config(1), rate=Broken())])
    assert "<Malformed: repr raised ValueError(" in text
    assert "<Proxy: repr raised RuntimeError('not bound yet')>" in text
    assert "rate=<Broken: repr raised ValueError('out of order')>" in text


def test_a_broken_key_is_noted() -> None:
    assert to_text({Broken(): Net()}) == (
        "{\n  <Broken: repr raised ValueError('out of order')>: Net()\n}"
    )


def test_a_displayable_key_is_only_named() -> None:
    assert to_text({Net(a=1): 1}) == "{<Net>: 1}"


# A __repr__ of the user's own.


class Named(Linear):
    def __repr__(self) -> str:
        return "my " + to_text(self, depth=0)


def test_a_repr_below_display_is_used_inside_others() -> None:
    assert to_text(Net(a=Named(n=1))) == "Net(\n  a=my Named(...)\n)"


def test_to_text_of_an_object_with_its_own_repr_shows_its_fields() -> None:
    assert to_text(Named(n=1)) == "Named(\n  n=1\n)"
    assert repr(Named(n=1)) == "my Named(...)"


def test_a_repr_that_prints_the_object_around_it_ends() -> None:
    class Foreign:
        def __init__(self, owner: Any) -> None:
            self.owner = owner

        def __repr__(self) -> str:
            return f"Foreign of {self.owner!r}"

    net = Net(a=1)
    net.fields["foreign"] = Foreign(net)
    assert to_text(net) == "Net(\n  a=1,\n  foreign=Foreign of Net(...)\n)"


def test_a_dataclass_with_display_prints_its_fields() -> None:
    @dataclasses.dataclass
    class Layer(Linear):
        n: int

        def __post_init__(self) -> None:
            self.fields = {"n": self.n}

    assert field(Layer(3)) == "Layer(\n  n=3\n)"


# The compact form.


def compact(obj: object) -> str:
    return to_text(obj, compact=True)


def test_a_compact_layer_is_one_line_without_its_defaults() -> None:
    layer = brainlite.nn.Linear(2, 3)
    weight = "ParamState({'bias': float32[3], 'weight': float32[2,3]})"
    assert compact(layer) == f"Linear(in_size=(2,), out_size=(3,), weight={weight})"
    masked = brainlite.nn.Linear(2, 3, b_init=None, w_mask=jnp.ones((2, 3)))
    assert "w_mask=float32[2,3], " in compact(masked)
    assert compact(brainlite.nn.Dropout(0.9)) == "Dropout(prob=0.9)"
    assert compact(brainlite.nn.Dropout(0.9, (1,))) == "Dropout(prob=0.9, broadcast_dims=(1,))"


def test_what_a_compact_state_says_beside_its_value_stays() -> None:
    assert compact(brainlite.ParamState(jnp.ones(3))) == "ParamState(float32[3])"
    tagged = brainlite.ParamState(jnp.ones(3), name="w")
    assert compact(tagged) == "ParamState(value=float32[3], name='w')"


def test_what_does_not_fit_on_a_line_is_opened_and_the_rest_stays_as_it_is() -> None:
    model = brainlite.nn.Sequential(*[brainlite.nn.Linear(100 + n, 101 + n) for n in range(3)])
    lines = compact(model).splitlines()
    assert [line.strip()[:7] for line in lines[4:7]] == ["Linear("] * 3
    assert max(map(len, lines)) <= 125
    many = brainlite.nn.Sequential(*[brainlite.nn.Linear(4, 4) for _ in range(40)])
    assert "x39 more of the same" in compact(many)
    shared = brainlite.nn.Embedding(5, 3)
    both = {"a": shared, "b": brainlite.nn.TiedLinear(shared)}
    assert "embedding=<Embedding at ['a']>" in compact(both)
    assert to_text(model) == repr(model)


def test_a_class_may_print_compactly_with_all_that_is_in_it() -> None:
    class Small:
        __display_compact__ = True

        def __init__(self, size: int = 3, **parts: Any) -> None:
            self.size, self.parts = size, parts

        def __display__(self) -> Shown:
            return Shown("Small", [("size", self.size), *self.parts.items()])

    inner = State(jnp.zeros(2))
    assert to_text([Small(inner=inner), inner]) == (
        "[\n  Small(inner=State(float32[2])),\n  <State at [0].inner>\n]"
    )
    assert to_text({"a": Small(4, inner=[State(jnp.zeros(2))])}) == (
        "{\n  'a': Small(size=4, inner=[State(float32[2])])\n}"
    )
    assert "value=ShapedArray(float32[2])" in to_text([State(jnp.zeros(2)), Small()])


def test_layers_but_those_of_the_tutorial_print_compactly() -> None:
    assert str(nn.Embedding(5, 3)).count("\n") == 0
    assert str(nn.Dropout(0.9)) == "Dropout(prob=0.9)"
    assert "epsilon" not in str(nn.LayerNorm(3))
    assert "epsilon=0.1" in str(nn.LayerNorm(3, epsilon=0.1))
    assert str(nn.Linear(2, 3)).count("\n") > 8
    assert str(nn.GRUCell(2, 3)).count("\n") > 20
