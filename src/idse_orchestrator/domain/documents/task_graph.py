"""What tasks wait for: cycles among them, and who waits for whom in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def cycles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Some cycles of `edges` (task to what it waits for), each as ``(a, b, …, a)``.

    None is found twice, and there is one wherever the graph has any. Names without edges are ignored.
    """
    finished: set[str] = set()
    for start in edges:
        if start not in finished:
            yield from _cycles_from(start, edges, finished)


def waits_for(edges: Mapping[str, Sequence[str]], task: str) -> frozenset[str]:
    """Everything that must be done before `task`, directly or not."""
    found: set[str] = set()
    to_do = list(edges.get(task, ()))
    while to_do:
        name = to_do.pop()
        if name not in found:
            found.add(name)
            to_do.extend(edges.get(name, ()))
    return frozenset(found)


def _cycles_from(
    start: str, edges: Mapping[str, Sequence[str]], finished: set[str]
) -> Iterator[tuple[str, ...]]:
    path = [start]
    position = {start: 0}
    branches = [iter(edges[start])]
    while path:
        following = next(branches[-1], None)
        if following is None:
            branches.pop()
            done = path.pop()
            del position[done]
            finished.add(done)
        elif following in position:
            yield (*path[position[following] :], following)
        elif following in edges and following not in finished:
            position[following] = len(path)
            path.append(following)
            branches.append(iter(edges[following]))
