"""Pareto front of points with several costs."""

from collections.abc import Sequence


def pareto_front(points: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """Positions of the points that no other one beats: none is at most as large in every coordinate.

    Of equal points the first one counts. The front is sorted by the coordinates, the first one first.

    Parameters
    ----------
    points
        Coordinates, such as cost and error, smaller is better.

    Examples
    --------
    >>> pareto_front([(3.0, 1.0), (1.0, 2.0), (2.0, 2.0)])
    (1, 0)
    """
    front: list[int] = []
    for k in sorted(range(len(points)), key=lambda k: tuple(points[k])):
        # Whatever beats a point comes before it in this order.
        if not any(all(b <= a for a, b in zip(points[k], points[j], strict=True)) for j in front):
            front.append(k)
    return tuple(front)
