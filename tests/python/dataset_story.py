"""Dataset versions and the pages of their view."""

from page_walks import all_pages, lists_and_pages
from wild_data import wild_metadata


def dataset_versions(story, draw, datum_ids):
    manifest = draw.sample(datum_ids, len(datum_ids))
    made = []
    for name, version in [("Набор 🦭", "0.1.0"), ("Набор 🦭", "0.2.0"), ("another", "1")]:
        metadata = wild_metadata(draw)
        made.append(
            story.does(
                "dataset_versions.create",
                lambda out: {
                    "manifest": (out.dataset_version.manifest, manifest),
                    "metadata": (out.dataset_version.metadata, metadata),
                    "source": (
                        out.dataset_version.source_dataset_version_id,
                        made[0].dataset_version_id if made else None,
                    ),
                },
                dataset_name=name,
                version=version,
                manifest=manifest,
                metadata=metadata,
                description="опис",
                source_dataset_version_id=made[0].dataset_version_id if made else None,
            ).dataset_version
        )
    keys = [one.dataset_version_id for one in made]
    of = {"dataset_name": "Набор 🦭", "version": "0.1.0"}
    story.does("dataset_versions.get", lambda out: {"same": (out.dataset_version, made[0])}, **of)
    story.is_refused("dataset_versions.create", 409, "already exists", **of, manifest=[])
    new = of | {"version": "9"}
    story.is_refused("dataset_versions.create", 404, "nobody_1", **new, manifest=["nobody_1"])
    story.is_refused("dataset_versions.create", 400, **new, manifest=[datum_ids[0]] * 2)
    story.is_refused("dataset_versions.create", 422, "list_type", **new, manifest="all")
    story.does(
        "dataset_versions.list",
        lambda out: {
            "of one": ([one.dataset_version_id for one in out.dataset_versions], keys[:2])
        },
        dataset_name="Набор 🦭",
        filters={"dataset_name": "another"},
    )
    found = all_pages(
        story,
        "dataset_versions.list_page",
        "version",
        2,
        dataset_name="Набор 🦭",
        limit=1,
        sort="dataset_version_desc",
    )
    if found != ["0.2.0", "0.1.0"]:
        raise SystemExit(f"dataset_versions.list_page by dataset_version_desc: {found}")
    lists_and_pages(
        story,
        "dataset_versions",
        "dataset_versions",
        "dataset_version_id",
        keys,
        {"description": "опис"},
        ["dataset_version_desc"],
    )
    story.does(
        "dataset_versions.resolve",
        lambda out: {
            "order": (
                [one.datum.datum_id for one in out.resolved_dataset_version.datums],
                manifest,
            ),
            "version": (out.resolved_dataset_version.dataset_version, made[0]),
            "records": (
                sum(
                    len(records)
                    for one in out.resolved_dataset_version.datums
                    for records in one.annotation_records.values()
                ),
                3,
            ),
        },
        **of,
    )
    story.does(
        "dataset_versions.verify_integrity",
        lambda out: {"ok": (out.ok, True), "version": (out.version, of["version"])},
        **of,
    )
    for task in ("get", "resolve", "view_page"):
        story.is_refused(f"dataset_versions.{task}", 404, "Набор 🦭@7", **of | {"version": "7"})
        story.is_refused(f"dataset_versions.{task}", 422, "Field required", dataset_name="a")
    view_pages(story, of, manifest)


def view_pages(story, of, manifest):
    task = "dataset_versions.view_page"
    for limit in (1, 3, 100):
        found = all_pages(story, task, "datum_id", len(manifest), **of, limit=limit)
        if found != manifest:
            raise SystemExit(f"{task}: {found} is not {manifest}")
    story.does(
        task,
        lambda out: {
            "assets": ([row.assets for row in out.items], [None] * 4),
            "sets": ([row.annotation_sets for row in out.items], [None] * 4),
            "records": ([row.annotation_records for row in out.items], [None] * 4),
            "view": (
                (out.view.dataset_name, out.view.version, out.view.sort),
                (of["dataset_name"], of["version"], "manifest_order"),
            ),
        },
        **of,
        expand={"assets": False},
    )
    story.does(
        task,
        lambda out: {
            "assets": ([sorted(row.assets) for row in out.items], [["image", "маска"]] * 4),
            "sets": (sum(len(row.annotation_sets) for row in out.items), 3),
            "records": (
                sum(len(one) for row in out.items for one in row.annotation_records.values()),
                3,
            ),
        },
        **of,
        expand={"assets": True, "annotation_sets": True, "annotation_records": True},
    )
    for count, field, op, value in [
        (1, "split", "eq", "train"),
        (3, "split", "ne", "train"),
        (2, "split", "in", ["val", "test"]),
        (1, "split", "exists", False),
        (2, "metadata.rank", "gte", 2),
        (1, "metadata.rank", "lt", 1),
        (4, "metadata.tags", "contains", "a"),
        (1, "metadata.tags", "contains", "t2"),
        (2, "metadata.odd", "eq", True),
        (0, "metadata.none.of.this", "gt", 1),
    ]:
        filters = [{"field": field, "op": op, "value": value}]
        found = all_pages(story, task, "datum_id", count, **of, limit=1, filters=filters)
        if len(found) != count:
            raise SystemExit(f"{task} with {filters}: {found}")
    story.is_refused(task, 400, "Invalid pagination request", **of, sort="created_desc")
    story.is_refused(task, 400, "Invalid pagination request", **of, limit=501)
    story.is_refused(task, 400, "Invalid pagination request", **of, cursor="?")
    story.is_refused(
        task, 422, "literal_error", **of, filters=[{"field": "a", "op": "like", "value": 1}]
    )
