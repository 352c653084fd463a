"""Reads YAML into values that know where they stand (`placed_yaml`), as safely as `safe_yaml` does.

Importing this module imports a YAML parser (some 25 ms), so it is imported where YAML is read.
"""

from __future__ import annotations

import yaml
from yaml.constructor import SafeConstructor

from idse_orchestrator.base.safe_yaml import (
    BOOLEAN,
    DATE,
    FRACTION,
    NEWER,
    NEWER_NUMBER,
    NOTHING,
    TEXT,
    WHOLE,
    Items,
    Placed,
    Scalar,
    Table,
    YamlProblem,
    bounded_text,
    children_of,
    composed,
    place_of,
    yaml_told,
)

_KINDS = {
    "tag:yaml.org,2002:str": TEXT,
    "tag:yaml.org,2002:value": TEXT,  # a lone =, which means something in a key only
    "tag:yaml.org,2002:null": NOTHING,
    "tag:yaml.org,2002:bool": BOOLEAN,
    "tag:yaml.org,2002:int": WHOLE,
    "tag:yaml.org,2002:float": FRACTION,
    "tag:yaml.org,2002:timestamp": DATE,
}
_LIST = "tag:yaml.org,2002:seq"
_MAPPING = "tag:yaml.org,2002:map"


def load_placed(data: bytes) -> Placed | None:
    """Returns the one document in `data` with the place of each value; None where nothing is in it.

    Bounds and errors are those of `load_yaml`. Tags of one's own and keys that are lists, mappings or
    nothing are refused, too. What ``<<`` merges into a mapping stands before the mapping's own keys.
    """
    text = bounded_text(data)
    with yaml_told(text):
        node = composed(text)
        if node is None:
            return None
        _refuse_twice(node)
        return _Placing().placed(node)


class _Placing(SafeConstructor):
    """Nodes of YAML as values with their places; a node that aliases name is looked at once."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, Placed] = {}

    def placed(self, node: yaml.Node) -> Placed:
        key = id(node)
        if key not in self._known:
            self._known[key] = self._fresh(node)
        return self._known[key]

    def _fresh(self, node: yaml.Node) -> Placed:
        line, column = place_of(node.start_mark)
        if isinstance(node, yaml.ScalarNode) and node.tag in _KINDS:
            return Scalar(node.value, _kind(node), line, column)
        if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
            return Items(tuple(map(self.placed, node.value)), line, column)
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return Table(self._pairs(node), line, column)
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        raise YamlProblem(f"the tag {tag} is not known here", line, column)

    def _pairs(self, node: yaml.MappingNode) -> tuple[tuple[Scalar, Placed], ...]:
        self.flatten_mapping(node)
        pairs: dict[str, tuple[Scalar, Placed]] = {}
        for key, value in node.value:
            name = self.placed(key)
            if not isinstance(name, Scalar) or name.kind == NOTHING:
                raise YamlProblem("a key is no text", *place_of(key.start_mark))
            pairs.pop(name.text, None)  # a key of its own stands where it was written
            pairs[name.text] = (name, self.placed(value))
        return tuple(pairs.values())


def _kind(node: yaml.ScalarNode) -> str:
    kind = _KINDS[node.tag]
    plain = kind == TEXT and not node.style
    return NEWER if plain and NEWER_NUMBER.fullmatch(node.value) else kind


def _refuse_twice(root: yaml.Node) -> None:
    """Before anything is merged: a key that was merged in may well occur again."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        keys: set[object] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise YamlProblem(f"key {key.value[:60]!r} occurs twice", *place_of(key.start_mark))
                keys.add(key.value)
        fresh = [each for each in children_of(node) if id(each) not in seen]
        seen.update(map(id, fresh))
        pending += fresh
