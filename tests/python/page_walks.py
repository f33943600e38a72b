"""What every family of documents has: its lists, its pages, and ids that nobody has."""

import base64


def all_pages(story, task, key, total, /, **arguments):
    """Walks a page task to its end and gives the values of `key`, in the order they came."""
    found, cursor = [], None
    while True:
        page = story.does(
            task,
            lambda out: {
                "has_more": (out.page.has_more, out.page.next_cursor is not None),
                "limit": (out.page.limit, arguments["limit"]),
                "items": (len(out.items) <= arguments["limit"], True),
                "total_count": (out.page.total_count, total),
            },
            cursor=cursor,
            include_total=total is not None,
            **arguments,
        )
        found += [getattr(item, key) for item in page.items]
        cursor = page.page.next_cursor
        if cursor is None:
            return found


def lists_and_pages(story, family, plural, key, ids, filters, sorts, time_key="created_at"):
    """The list and the page task of a family: order, cursors, and what they refuse."""
    listed = getattr(
        story.does(
            f"{family}.list",
            lambda out: {"ids": ([getattr(row, key) for row in getattr(out, plural)], ids)},
            filters=filters,
        ),
        plural,
    )
    by_time = [
        getattr(row, key)
        for row in sorted(listed, key=lambda row: (getattr(row, time_key), getattr(row, key)))
    ]
    task = f"{family}.list_page"
    for sort in ["created_desc", *sorts]:
        for limit in (1, 2, 100):
            found = all_pages(story, task, key, len(ids), limit=limit, sort=sort, filters=filters)
            wanted = {"created_asc": by_time, "created_desc": by_time[::-1]}.get(sort)
            if wanted is None:
                found, wanted = sorted(found), sorted(ids)
            if found != wanted:
                raise SystemExit(f"{task} by {sort}, {limit} at once: {found} is not {wanted}")
    first = story.does(task, limit=1, filters=filters)
    other = {"cursor": first.page.next_cursor, "limit": 1}
    story.is_refused(task, 400, "Invalid pagination request", **other, filters={key: "another"})
    story.is_refused(
        task, 400, "Invalid pagination request", **other, sort=sorts[0], filters=filters
    )
    story.is_refused(task, 400, "Invalid pagination request", cursor="bm90IGpzb24")
    story.is_refused(
        task, 400, "Invalid pagination request", cursor=base64.b64encode(b"[1]").decode()
    )
    story.is_refused(task, 400, "Invalid pagination request", sort="by_colour")
    story.is_refused(task, 400, "Invalid pagination request", limit=501)
    story.is_refused(task, 422, "greater_than_equal", limit=0)
    story.is_refused(f"{family}.list", 400, "$where", filters={"$where": "true"})
    story.is_refused(f"{family}.list", 422, "dict_type", filters="all")


def missing(story, *tasks):
    for task in tasks:
        story.is_refused(task, 404, "nobody_1", id="nobody_1")
        story.is_refused(task, 422, "Field required")
