import pytest

from brainlite.display import Displayable, Shown, ShownMapping, ShownSequence, to_text


class Scale:
    def __display__(self) -> Shown:
        return Shown("Scale", [("factor", 2)])


class Items:
    def __display__(self) -> ShownSequence:
        return ShownSequence("Items", [Scale(), Scale()])


class States:
    def __init__(self, name: str = "") -> None:
        self.name = name

    def __display__(self) -> ShownMapping:
        return ShownMapping([(("W", "weight"), Scale()), ("n", 1)], self.name)


class Plain:
    pass


@pytest.mark.parametrize("obj", [Scale(), Items(), States()])
def test_an_object_with_display_is_displayable(obj: object) -> None:
    assert isinstance(obj, Displayable)


def test_an_object_without_display_is_not() -> None:
    assert not isinstance(Plain(), Displayable)


def test_fields_print_by_name() -> None:
    assert to_text(Scale()) == "Scale(\n  factor=2\n)"


def test_a_sequence_prints_its_items_in_brackets() -> None:
    assert to_text(Items()) == (
        "Items([\n  Scale(\n    factor=2\n  ),\n  Scale(\n    factor=2\n  )\n])"
    )


def test_a_mapping_prints_its_keys_by_repr() -> None:
    assert to_text(States()) == "{\n  ('W', 'weight'): Scale(\n    factor=2\n  ),\n  'n': 1\n}"


def test_a_mapping_with_a_name_prints_it() -> None:
    text = to_text(States("StateDict"))
    assert text.startswith("StateDict({\n  ('W', 'weight'): Scale(")
    assert text.endswith("\n})")


def test_a_class_that_defines_display_is_not_opened() -> None:
    assert to_text([Scale]) == f"[{Scale!r}]"


def test_display_may_not_return_something_else() -> None:
    class Wrong:
        def __display__(self) -> dict[str, int]:
            return {"a": 1}

    assert to_text(Wrong()) == (
        "<Wrong: repr raised TypeError('__display__ returned a dict, not Shown, ShownSequence "
        "or ShownMapping')>"
    )
