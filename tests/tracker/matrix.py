"""The matrix as a naive walk over parent and industry finds it, to be compared with what the paths say."""

from tracker.models import Organization
from tracker.models.checking import differences
from tracker.models.organizations import SEGMENT, TIER_DEPTH


def closure(starts, children):
    """Everything that hangs below, however it is reached."""
    found, ahead = set(), list(starts)
    while ahead:
        pk = ahead.pop()
        if pk not in found:
            found.add(pk)
            ahead += children.get(pk, ())
    return found


def in_line(bodies):
    """Who belongs to the industrial line, and under whom each stands in it: None where the line begins."""
    above = {}

    def belongs(pk):
        if pk not in above:
            body = bodies[pk]
            above[pk] = False
            if body.industry_id:
                above[pk] = body.industry_id
            elif body.parent_id and belongs(body.parent_id) is not False:
                above[pk] = body.parent_id
            elif body.line == "industrial" and body.parent_id:
                above[pk] = None
        return above[pk]

    for pk in bodies:
        belongs(pk)
    return {pk: parent for pk, parent in above.items() if parent is not False}


def inverse(parents):
    children = {}
    for pk, parent in parents.items():
        children.setdefault(parent, []).append(pk)
    return children


def chain(pk, parents):
    """From oneself up to the top of the line."""
    found = [pk]
    while parents.get(found[-1]):
        found.append(parents[found[-1]])
        assert len(found) < 50, "a ring"
    return found


def check_matrix(given=None):
    """Every path against the walk. `given` remembers whose each path was, so that none is ever another's."""
    bodies = {body.pk: body for body in Organization.objects.all()}
    given = {} if given is None else given
    territory = {pk: body.parent_id for pk, body in bodies.items()}
    industry = in_line(bodies)
    below, below_there = inverse(territory), inverse(industry)
    root = next(pk for pk, parent in territory.items() if parent is None)
    # Nobody stands below itself, by any mixture of the two lines.
    both = {
        pk: [*below.get(pk, ()), *inverse({b.pk: b.industry_id for b in bodies.values()}).get(pk, ())] for pk in bodies
    }
    for pk in bodies:
        assert pk not in closure(both[pk], both)
    for pk, body in bodies.items():
        assert (body.industry_path is not None) == (pk in industry), body
        for path in {body.path, body.industry_path} - {None}:
            assert given.setdefault(path, pk) == pk, "a path was given to another body"
        assert body.depth == len(chain(pk, territory))
        up = chain(pk, territory)[::-1]
        assert body.tier_id == up[min(len(up), TIER_DEPTH) - 1], body
        assert body.path[:-SEGMENT] == (bodies[body.parent_id].path if body.parent_id else "")
        if pk in industry:
            above = industry[pk]
            assert body.industry_path[:-SEGMENT] == (bodies[above].industry_path if above else body.path[:-SEGMENT])
            there = {b.industry_path: b.pk for b in bodies.values()}
            assert body.industry_tier_id == there.get(body.industry_path[: SEGMENT * TIER_DEPTH])
        else:
            assert body.industry_tier_id is None
        by_territory, by_industry = closure([pk], below), closure([pk], below_there) if pk in industry else set()
        if pk == root:
            by_industry = set(industry)
        assert set(Organization.objects.below(body, line="territorial").values_list("pk", flat=True)) == by_territory
        assert set(Organization.objects.below(body, line="industrial").values_list("pk", flat=True)) == by_industry
        either = list(Organization.objects.below(body).values_list("pk", flat=True))
        assert len(either) == len(set(either))
        assert set(either) == by_territory | by_industry
        assert body.last_child >= max(
            [int(b.path[-SEGMENT:], 36) for b in bodies.values() if b.parent_id == pk]
            + [int(b.industry_path[-SEGMENT:], 36) for b in bodies.values() if b.industry_id == pk],
            default=0,
        )
        assert not (body.closed_on and any(bodies[child].closed_on is None for child in both[pk]))
    paths = [body.path for body in bodies.values()]
    assert len(paths) == len(set(paths))
    assert list(differences()) == []
    return given
