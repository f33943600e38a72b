"""A story that calls every task the service has a handler for, through the unchanged client."""

import asyncio
import base64
import random
import sys
import time
import uuid

from mindtrace.datalake import DatalakeService
from story import Story, connected
from wild_data import wild_metadata

NOWHERE = {"mount": "nowhere", "name": "a", "version": None}


def text_of(data):
    return base64.b64encode(data).decode()


def ref_of(ref):
    return {"mount": ref.mount, "name": ref.name, "version": ref.version}


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
    story.is_refused(task, 400, "Invalid pagination request", **other, sort=sorts[0], filters=filters)
    story.is_refused(task, 400, "Invalid pagination request", cursor="bm90IGpzb24")
    story.is_refused(task, 400, "Invalid pagination request", cursor=text_of(b"[1]"))
    story.is_refused(task, 400, "Invalid pagination request", sort="by_colour")
    story.is_refused(task, 400, "Invalid pagination request", limit=501)
    story.is_refused(task, 422, "greater_than_equal", limit=0)
    story.is_refused(f"{family}.list", 400, "$where", filters={"$where": "true"})
    story.is_refused(f"{family}.list", 422, "dict_type", filters="all")


def missing(story, *tasks):
    for task in tasks:
        story.is_refused(task, 404, "nobody_1", id="nobody_1")
        story.is_refused(task, 422, "Field required")


def service(story):
    server_id = story.does("server_id").server_id
    story.does("status", lambda out: {"status": (out.status.value, "Available")})
    story.does(
        "heartbeat",
        lambda out: {
            "status": (out.heartbeat.status.value, "Available"),
            "server_id": (out.heartbeat.server_id, server_id),
            "details": (out.heartbeat.details, None),
        },
    )
    story.does("server_id", lambda out: {"again": (out.server_id, uuid.UUID(str(server_id)))})
    story.does("class_name", lambda out: {"name": (out.class_name, "DatalakeService")})
    story.does("pid_file", lambda out: {"path": (len(out.pid_file) > 0, True)})
    known = DatalakeService(live_service=False).endpoints
    story.does("endpoints", lambda out: {"known": (sorted(out.endpoints), sorted(known))})
    health = story.does("health", lambda out: {"status": (out.status, "ok")})
    story.does(
        "mounts",
        lambda out: {
            "default": (out.default_mount, health.default_mount),
            "listed": ([mount["name"] for mount in out.mounts], [health.default_mount]),
        },
    )
    story.does(
        "summary",
        lambda out: {
            "database": (f"database={health.database}" in out.summary, True),
            "assets": ("assets=0" in out.summary, True),
        },
    )
    return health.default_mount


def objects(story, draw, mount):
    data = draw.randbytes(100_003)
    metadata = wild_metadata(draw)
    name = "кадры/frame 1 🦭"
    put = story.does(
        "objects.put",
        lambda out: {
            "mount": (out.storage_ref.mount, mount),
            "name": (out.storage_ref.name, name),
            "version": (out.storage_ref.version is not None, True),
            "qualified_key": (
                out.storage_ref.qualified_key,
                f"{mount}/{name}@{out.storage_ref.version}",
            ),
        },
        name=name,
        data_base64=text_of(data),
        metadata=metadata,
    ).storage_ref
    for version in (put.version, "latest", None):
        story.does(
            "objects.get",
            lambda out: {
                "bytes": (base64.b64decode(out.data_base64, validate=True), data),
                "version": (out.storage_ref.version, version),
            },
            storage_ref={"mount": mount, "name": name, "version": version},
        )
    story.does(
        "objects.head",
        lambda out: {"metadata": (found_in(out.metadata, metadata), True)},
        storage_ref=put,
    )
    story.does(
        "objects.head",
        lambda out: {
            "versions": (list(out.metadata), [put.version]),
            "metadata": (found_in(out.metadata, metadata), True),
        },
        storage_ref={"mount": mount, "name": name, "version": None},
    )
    # What the client sends for a version that nobody named.
    story.does(
        "objects.head",
        lambda out: {
            "version": (out.storage_ref.version, "latest"),
            "metadata": (found_in(out.metadata, metadata), True),
        },
        storage_ref={"mount": mount, "name": name},
    )
    story.does(
        "objects.head",
        lambda out: {"metadata": (out.metadata, {})},
        storage_ref={"mount": mount, "name": "nothing here"},
    )
    copy = story.does(
        "objects.copy",
        lambda out: {"name": (out.storage_ref.name, "copies/frame")},
        source=put,
        target_mount=mount,
        target_name="copies/frame",
    ).storage_ref
    story.does(
        "objects.get",
        lambda out: {"bytes": (base64.b64decode(out.data_base64), data)},
        storage_ref=copy,
    )
    story.does("objects.put", name="empty", data_base64="")
    story.does(
        "objects.get",
        lambda out: {"bytes": (out.data_base64, "")},
        storage_ref={"mount": mount, "name": "empty"},
    )
    again = {"name": name, "version": put.version, "data_base64": text_of(b"other")}
    story.is_refused("objects.put", 409, **again, on_conflict="skip")
    story.is_refused("objects.put", 400, "on_conflict", **again, on_conflict="merge")
    story.is_refused("objects.put", 400, "base64", name="bad", data_base64="abc")
    story.is_refused("objects.put", 400, "base64", name="bad", data_base64="-_-_")
    story.is_refused("objects.put", 400, name="", data_base64="")
    story.is_refused("objects.put", 404, "nowhere", name="a", data_base64="", mount="nowhere")
    story.is_refused("objects.put", 422, "string_type", name=5, data_base64="")
    story.is_refused("objects.put", 422, "Field required", name="a")
    gone = {"mount": mount, "name": "gone"}
    story.is_refused("objects.get", 409, "OBJECT_NOT_READABLE", storage_ref=gone)
    story.is_refused("objects.get", 404, "nowhere", storage_ref=NOWHERE)
    story.is_refused("objects.get", 422, "mount", storage_ref={"name": "a"})
    story.is_refused("objects.head", 404, "nowhere", storage_ref=NOWHERE)
    story.is_refused("objects.copy", 404, source=gone, target_mount=mount, target_name="b")
    story.is_refused(
        "objects.copy", 404, "nowhere", source=ref_of(put), target_mount="nowhere", target_name="b"
    )
    return put


def found_in(document, wanted):
    """Whether a part of a nested document equals what is wanted."""
    if document == wanted:
        return True
    return isinstance(document, dict) and any(found_in(part, wanted) for part in document.values())


def assets(story, draw, mount, ref):
    made = []
    for index in range(5):
        metadata = wild_metadata(draw) | {"story": {"index": index, "even": index % 2 == 0}}
        arguments = {
            "kind": draw.choice(["image", "mask", "artifact", "embedding", "document", "other"]),
            "media_type": "application/x-кадр; a=1",
            "storage_ref": ref,
            "checksum": f"sha256:{draw.randbytes(32).hex()}",
            "size_bytes": draw.randrange(2**53),
            "metadata": metadata,
            "created_by": "Ünï",
        }
        asset = story.does(
            "assets.create",
            lambda out: {
                **{
                    name: (getattr(out.asset, name), value) for name, value in arguments.items()
                },
                "id": (out.asset.asset_id.startswith("asset_"), True),
                "payload_status": (out.asset.payload_status, "present"),
                "payload_storage_ref": (out.asset.payload_storage_ref, ref),
                "payload_checksum": (out.asset.payload_checksum, arguments["checksum"]),
                "payload_size_bytes": (out.asset.payload_size_bytes, arguments["size_bytes"]),
                "subject": (out.asset.subject, None),
                "aware": (out.asset.created_at.tzinfo is not None, True),
            },
            **arguments,
        ).asset
        story.does("assets.get", lambda out: {"asset": (out.asset, asset)}, id=asset.asset_id)
        made.append(asset)
    data = draw.randbytes(999)
    of_object = story.does(
        "assets.create_from_object",
        lambda out: {
            "name": (out.asset.storage_ref.name, "from/object"),
            "checksum": (out.asset.checksum, None),
            "size_bytes": (out.asset.size_bytes, None),
            "subject": (out.asset.subject.id, made[0].asset_id),
        },
        name="from/object",
        data_base64=text_of(data),
        kind="image",
        media_type="image/png",
        object_metadata=wild_metadata(draw),
        asset_metadata={
            "mindtrace.serialization": {"class": "builtins.bytes", "_files": ["data.txt"]}
        },
        subject={"kind": "asset", "id": made[0].asset_id},
    ).asset
    story.does(
        "objects.get",
        lambda out: {"bytes": (base64.b64decode(out.data_base64), data)},
        storage_ref=of_object.storage_ref,
    )
    uploaded = story.does(
        "assets.create_from_uploaded_object",
        lambda out: {"ref": (out.asset.storage_ref, of_object.storage_ref)},
        kind="other",
        media_type="image/png",
        storage_ref=of_object.storage_ref,
    ).asset
    ids = [asset.asset_id for asset in made]

    alias = "псевдоним/one 1"
    first = story.does(
        "aliases.add",
        lambda out: {
            "alias": (out.asset_alias.alias, alias),
            "asset_id": (out.asset_alias.asset_id, ids[0]),
            "is_primary": (out.asset_alias.is_primary, False),
        },
        asset_id=ids[0],
        alias=alias,
    ).asset_alias
    story.does(
        "aliases.add",
        lambda out: {"same": (out.asset_alias, first)},
        asset_id=ids[0],
        alias=alias,
    )
    story.does(
        "aliases.add",
        lambda out: {"is_primary": (out.asset_alias.is_primary, True)},
        asset_id=ids[0],
        alias=ids[0],
    )
    for name in (alias, ids[0]):
        story.does(
            "assets.get_by_alias", lambda out: {"id": (out.asset.asset_id, ids[0])}, alias=name
        )
    story.is_refused("aliases.add", 409, alias, asset_id=ids[1], alias=alias)
    story.is_refused("aliases.add", 404, "nobody_1", asset_id="nobody_1", alias="x")
    story.is_refused("assets.get_by_alias", 404, "nobody_1", alias="nobody_1")

    filters = {"metadata.story.index": {"$gte": 0}}
    lists_and_pages(story, "assets", "assets", "asset_id", ids, filters, ["created_asc"])
    for wanted, some in [
        (ids[::2], {"metadata.story.even": True}),
        (ids[1:3], {"metadata.story.index": {"$in": [1, 2, 77]}}),
        (ids[3:], {"$and": [{"metadata.story.index": {"$gt": 2}}, {"created_by": "Ünï"}]}),
        (
            [ids[0], ids[4]],
            {"$or": [{"metadata.story.index": 0}, {"metadata.story.index": {"$gte": 4}}]},
        ),
        ([uploaded.asset_id], {"kind": "other", "media_type": "image/png"}),
        (ids[1:], {"metadata.story.index": {"$ne": 0, "$exists": True}}),
        ([of_object.asset_id], {"subject.id": ids[0], "subject.kind": "asset"}),
        ([], {"asset_id": {"$in": []}}),
    ]:
        story.does(
            "assets.list",
            lambda out: {str(some): ([asset.asset_id for asset in out.assets], wanted)},
            filters=some,
        )
    story.does("assets.list", lambda out: {"count": (len(out.assets), 7)})

    # What comes after the first page was read is not on the pages that follow.
    page = story.does("assets.list_page", limit=6, sort="created_asc")
    time.sleep(0.005)
    late = story.does(
        "assets.create", kind="other", media_type="text/plain", storage_ref=NOWHERE
    ).asset
    story.does(
        "assets.list_page",
        lambda out: {
            "late": (late.asset_id in [asset.asset_id for asset in out.items], False),
            "count": (len(out.items), 1),
            "total_count": (out.page.total_count, 7),
        },
        limit=6,
        sort="created_asc",
        include_total=True,
        cursor=page.page.next_cursor,
    )
    story.does(
        "assets.download_url",
        lambda out: {"id": (out.asset_id, ids[0]), "url": (out.url, None)},
        asset_id=ids[0],
    )
    story.does("assets.download_urls", lambda out: {"urls": (out.urls, {})}, asset_ids=ids)
    story.is_refused("assets.download_url", 404, "nobody_1", asset_id="nobody_1")

    metadata = wild_metadata(draw) | {"story": {"index": 99}}
    story.does(
        "assets.update_metadata",
        lambda out: {
            "metadata": (out.asset.metadata, metadata),
            "created_at": (out.asset.created_at, made[4].created_at),
            "later": (out.asset.updated_at >= made[4].updated_at, True),
        },
        asset_id=ids[4],
        metadata=metadata,
    )
    story.is_refused("assets.update_metadata", 404, "nobody_1", asset_id="nobody_1", metadata={})
    story.is_refused("assets.update_metadata", 422, "dict_type", asset_id=ids[4], metadata=[])
    story.does("assets.delete", lambda out: {"nothing": (out, None)}, id=late.asset_id)
    story.is_refused("assets.get", 404, late.asset_id, id=late.asset_id)
    missing(story, "assets.get", "assets.delete")
    story.is_refused(
        "assets.create", 422, "kind", kind="film", media_type="a/b", storage_ref=ref_of(ref)
    )
    story.is_refused("assets.create", 422, "Field required", kind="image")
    return ids


def collections(story, draw, ids):
    made = []
    for index in range(3):
        metadata = wild_metadata(draw)
        made.append(
            story.does(
                "collections.create",
                lambda out: {
                    "name": (out.collection.name, "Sammlung ß"),
                    "metadata": (out.collection.metadata, metadata),
                    "status": (out.collection.status, "active"),
                },
                name="Sammlung ß",
                metadata=metadata,
                description=None if index else "第一",
            ).collection
        )
    keys = [collection.collection_id for collection in made]
    story.does(
        "collections.get", lambda out: {"same": (out.collection, made[1])}, id=keys[1]
    )
    story.does(
        "collections.update",
        lambda out: {
            "status": (out.collection.status, "archived"),
            "metadata": (out.collection.metadata, {"a.b": {"c": 1}}),
            "name": (out.collection.name, made[1].name),
        },
        collection_id=keys[1],
        changes={"status": "archived", "metadata": {"a.b": {"c": 1}}},
    )
    story.does("collections.update", collection_id=keys[1])
    story.is_refused("collections.update", 404, "nobody_1", collection_id="nobody_1", changes={})
    story.is_refused("collections.update", 422, collection_id=keys[1], changes={"status": "lost"})
    story.is_refused("collections.update", 400, "colour", collection_id=keys[1], changes={"colour": 1})
    story.is_refused(
        "collections.update", 400, "collection_id", collection_id=keys[1], changes={"collection_id": "x"}
    )
    story.is_refused("collections.update", 422, "dict_type", collection_id=keys[1], changes=None)
    story.is_refused("collections.create", 422, "status", name="a", status="lost")
    lists_and_pages(
        story,
        "collections",
        "collections",
        "collection_id",
        keys,
        {"name": "Sammlung ß"},
        ["created_asc", "updated_desc"],
    )
    missing(story, "collections.get", "collections.delete")

    items = [
        story.does(
            "collection_items.create",
            lambda out: {
                "asset_id": (out.collection_item.asset_id, asset_id),
                "split": (out.collection_item.split, split),
                "added_by": (out.collection_item.added_by, "me"),
            },
            collection_id=keys[0],
            asset_id=asset_id,
            split=split,
            metadata=wild_metadata(draw),
            added_by="me",
        ).collection_item
        for asset_id, split in zip(ids[:4], ["train", "val", "test", None])
    ]
    item_keys = [item.collection_item_id for item in items]
    story.does(
        "collection_items.get",
        lambda out: {"same": (out.collection_item, items[0])},
        id=item_keys[0],
    )
    story.does(
        "collection_items.resolve",
        lambda out: {
            "item": (out.resolved_collection_item.collection_item, items[2]),
            "collection": (out.resolved_collection_item.collection.collection_id, keys[0]),
            "asset": (out.resolved_collection_item.asset.asset_id, ids[2]),
        },
        id=item_keys[2],
    )
    story.does(
        "collection_items.update",
        lambda out: {
            "status": (out.collection_item.status, "hidden"),
            "collection_id": (out.collection_item.collection_id, keys[2]),
        },
        collection_item_id=item_keys[3],
        changes={"status": "hidden", "collection_id": keys[2], "split": "test"},
    )
    story.is_refused(
        "collection_items.update", 404, "nobody_1", collection_item_id="nobody_1", changes={}
    )
    story.is_refused(
        "collection_items.update",
        404,
        "nobody_1",
        collection_item_id=item_keys[0],
        changes={"asset_id": "nobody_1"},
    )
    create = {"collection_id": keys[0], "asset_id": ids[4]}
    story.is_refused("collection_items.create", 404, **create | {"asset_id": "nobody_1"})
    story.is_refused("collection_items.create", 404, **create | {"collection_id": "nobody_1"})
    story.is_refused("collection_items.create", 422, "split", **create, split="half")
    lists_and_pages(
        story,
        "collection_items",
        "collection_items",
        "collection_item_id",
        item_keys[:3],
        {"collection_id": keys[0]},
        ["created_asc"],
        "added_at",
    )
    missing(story, "collection_items.get", "collection_items.resolve", "collection_items.delete")
    story.is_refused("assets.delete", 409, "still referenced", id=ids[0])
    story.does(
        "collection_items.delete", lambda out: {"nothing": (out, None)}, id=item_keys[0]
    )
    story.does("collections.delete", lambda out: {"nothing": (out, None)}, id=keys[0])
    story.does(
        "collection_items.list",
        lambda out: {
            "left": ([item.collection_item_id for item in out.collection_items], item_keys[3:])
        },
    )


def retentions(story, draw, ids):
    made = [
        story.does(
            "asset_retentions.create",
            lambda out: {
                "owner_type": (out.asset_retention.owner_type, owner_type),
                "retention_policy": (out.asset_retention.retention_policy, policy),
                "asset_id": (out.asset_retention.asset_id, ids[0]),
            },
            asset_id=ids[0],
            owner_type=owner_type,
            owner_id="владелец",
            retention_policy=policy,
            metadata=wild_metadata(draw),
        ).asset_retention
        for owner_type, policy in [
            ("manual_pin", "retain"),
            ("job_run", "delete_when_unreferenced"),
            ("dataset_version", "archive_when_unreferenced"),
        ]
    ]
    keys = [one.asset_retention_id for one in made]
    story.does(
        "asset_retentions.get", lambda out: {"same": (out.asset_retention, made[0])}, id=keys[0]
    )
    story.does(
        "asset_retentions.update",
        lambda out: {
            "asset_id": (out.asset_retention.asset_id, ids[1]),
            "owner_id": (out.asset_retention.owner_id, "another"),
        },
        asset_retention_id=keys[0],
        changes={"asset_id": ids[1], "owner_id": "another"},
    )
    update = {"asset_retention_id": keys[0]}
    story.is_refused("asset_retentions.update", 404, **update, changes={"asset_id": "nobody_1"})
    story.is_refused("asset_retentions.update", 422, **update, changes={"owner_type": "moon"})
    story.is_refused("asset_retentions.update", 404, asset_retention_id="nobody_1", changes={})
    create = {"asset_id": ids[0], "owner_id": "o"}
    story.is_refused("asset_retentions.create", 422, "owner_type", **create, owner_type="moon")
    story.is_refused(
        "asset_retentions.create", 404, **create | {"asset_id": "nobody_1"}, owner_type="system"
    )
    lists_and_pages(
        story,
        "asset_retentions",
        "asset_retentions",
        "asset_retention_id",
        keys,
        {"asset_retention_id": {"$in": keys}},
        ["created_asc"],
    )
    missing(story, "asset_retentions.get", "asset_retentions.delete")
    story.does("asset_retentions.delete", lambda out: {"nothing": (out, None)}, id=keys[2])
    story.does(
        "asset_retentions.list", lambda out: {"left": (len(out.asset_retentions), 2)}
    )


def schemas(story, draw):
    made = []
    for version in ("1", "2", "10"):
        made.append(
            story.does(
                "annotation_schemas.create",
                lambda out: {
                    "version": (out.annotation_schema.version, version),
                    "labels": (
                        [label.name for label in out.annotation_schema.labels],
                        ["кот", "dog 🐕"],
                    ),
                    "label": (out.annotation_schema.labels[0].display_name, "Кот"),
                    "optional": (out.annotation_schema.optional_attributes, ["pose"]),
                },
                name="pets",
                version=version,
                task_type="detection",
                allowed_annotation_kinds=["bbox"],
                labels=[
                    {"name": "кот", "id": 1, "display_name": "Кот", "metadata": {"a.b": 1}},
                    {"name": "dog 🐕"},
                ],
                allow_scores=True,
                optional_attributes=["pose"],
                metadata=wild_metadata(draw),
            ).annotation_schema
        )
    keys = [schema.annotation_schema_id for schema in made]
    story.does(
        "annotation_schemas.get", lambda out: {"same": (out.annotation_schema, made[0])}, id=keys[0]
    )
    story.does(
        "annotation_schemas.get_by_name_version",
        lambda out: {"same": (out.annotation_schema, made[2])},
        name="pets",
        version="10",
    )
    story.is_refused(
        "annotation_schemas.get_by_name_version", 404, "pets@3", name="pets", version="3"
    )
    story.does(
        "annotation_schemas.update",
        lambda out: {
            "labels": ([label.name for label in out.annotation_schema.labels], ["bird"]),
            "version": (out.annotation_schema.version, "2"),
        },
        annotation_schema_id=keys[1],
        changes={"labels": [{"name": "bird", "id": 7}]},
    )
    update = {"annotation_schema_id": keys[1]}
    story.is_refused("annotation_schemas.update", 409, "pets@1", **update, changes={"name": "pets", "version": "1"})
    story.is_refused("annotation_schemas.update", 404, annotation_schema_id="nobody_1", changes={})
    story.is_refused("annotation_schemas.update", 422, **update, changes={"task_type": "guess"})
    create = {"task_type": "detection", "allowed_annotation_kinds": ["bbox"], "name": "pets"}
    story.is_refused("annotation_schemas.create", 409, "pets@1", **create, version="1")
    story.is_refused(
        "annotation_schemas.create", 422, "task_type", **create | {"task_type": "guess"}, version="4"
    )
    lists_and_pages(
        story,
        "annotation_schemas",
        "annotation_schemas",
        "annotation_schema_id",
        keys,
        {"name": "pets"},
        ["created_asc"],
    )
    missing(story, "annotation_schemas.get", "annotation_schemas.delete")
    return keys


SOURCE = {"type": "machine", "name": "детектор", "version": "1.2", "metadata": {"x.y": [1, None]}}


def box(random, **more):
    geometry = {key: random.uniform(0, 4000) for key in ("x", "y", "width", "height")}
    return {
        "kind": "bbox",
        "label": "кот",
        "label_id": 1,
        "source": SOURCE,
        "geometry": geometry,
        **more,
    }


def annotated_datums(story, draw, ids, schema_ids):
    datums = []
    for index, split in enumerate(["train", "val", None, "train"]):
        metadata = wild_metadata(draw) | {"rank": index, "tags": ["a", f"t{index}"], "odd": bool(index % 2)}
        datums.append(
            story.does(
                "datums.create",
                lambda out: {
                    "asset_refs": (out.datum.asset_refs, {"image": ids[index], "маска": ids[4]}),
                    "split": (out.datum.split, split),
                    "metadata": (out.datum.metadata, metadata),
                    "annotation_set_ids": (out.datum.annotation_set_ids, []),
                },
                asset_refs={"image": ids[index], "маска": ids[4]},
                split=split,
                metadata=metadata,
            ).datum
        )
    datum_ids = [datum.datum_id for datum in datums]
    story.is_refused("datums.create", 404, "nobody_1", asset_refs={"image": "nobody_1"})
    story.is_refused("datums.create", 400, "image", asset_refs={"image": " "})
    story.is_refused("datums.create", 422, "split", asset_refs={}, split="half")
    story.is_refused(
        "datums.create", 404, "nobody_1", asset_refs={}, annotation_set_ids=["nobody_1"]
    )

    sets = []
    for index, schema in enumerate([schema_ids[0], schema_ids[0], None]):
        sets.append(
            story.does(
                "annotation_sets.create",
                lambda out: {
                    "schema": (out.annotation_set.annotation_schema_id, schema),
                    "records": (out.annotation_set.annotation_record_ids, []),
                    "status": (out.annotation_set.status, "draft"),
                },
                name="истина",
                purpose="ground_truth",
                source_type="human",
                datum_id=datum_ids[index],
                annotation_schema_id=schema,
                metadata={"mindtrace": {"data_vault": {"asset_id": ids[index]}}},
            ).annotation_set
        )
    set_ids = [one.annotation_set_id for one in sets]
    story.does("annotation_sets.get", lambda out: {"same": (out.annotation_set, sets[0])}, id=set_ids[0])
    create = {"name": "n", "purpose": "review", "source_type": "mixed"}
    story.is_refused("annotation_sets.create", 404, **create, datum_id="nobody_1")
    story.is_refused("annotation_sets.create", 404, **create, annotation_schema_id="nobody_1")
    story.is_refused("annotation_sets.create", 422, "purpose", **create | {"purpose": "fun"})
    story.is_refused("annotation_schemas.delete", 409, "in use", id=schema_ids[0])
    story.does("annotation_schemas.delete", lambda out: {"nothing": (out, None)}, id=schema_ids[1])
    missing(story, "annotation_sets.get")

    records(story, draw, ids, datum_ids, set_ids, schema_ids)

    story.does(
        "annotation_sets.update",
        lambda out: {
            "status": (out.annotation_set.status, "active"),
            "records": (len(out.annotation_set.annotation_record_ids), 3),
        },
        annotation_set_id=set_ids[0],
        changes={"status": "active"},
    )
    update = {"annotation_set_id": set_ids[0]}
    story.is_refused("annotation_sets.update", 404, annotation_set_id="nobody_1", changes={})
    story.is_refused("annotation_sets.update", 422, **update, changes={"status": "lost"})
    story.is_refused(
        "annotation_sets.update", 404, **update, changes={"annotation_schema_id": "nobody_1"}
    )
    by_asset = {"metadata.mindtrace.data_vault.asset_id": ids[1]}
    story.does(
        "annotation_sets.list",
        lambda out: {"by path": ([one.annotation_set_id for one in out.annotation_sets], [set_ids[1]])},
        filters=by_asset,
    )
    lists_and_pages(
        story,
        "annotation_sets",
        "annotation_sets",
        "annotation_set_id",
        set_ids,
        {"name": "истина"},
        ["created_asc"],
    )

    story.does(
        "datums.get",
        lambda out: {"sets": (out.datum.annotation_set_ids, [set_ids[0]])},
        id=datum_ids[0],
    )
    story.does(
        "datums.resolve",
        lambda out: {
            "assets": (
                {role: asset.asset_id for role, asset in out.resolved_datum.assets.items()},
                {"image": ids[0], "маска": ids[4]},
            ),
            "sets": ([one.annotation_set_id for one in out.resolved_datum.annotation_sets], [set_ids[0]]),
            "records": ([len(one) for one in out.resolved_datum.annotation_records.values()], [3]),
            "keys": (list(out.resolved_datum.annotation_records), [set_ids[0]]),
        },
        id=datum_ids[0],
    )
    story.does(
        "datums.update",
        lambda out: {"split": (out.datum.split, "test"), "metadata": (out.datum.metadata, datums[3].metadata)},
        datum_id=datum_ids[3],
        changes={"split": "test"},
    )
    update = {"datum_id": datum_ids[3]}
    story.is_refused("datums.update", 404, datum_id="nobody_1", changes={})
    story.is_refused("datums.update", 404, **update, changes={"asset_refs": {"image": "nobody_1"}})
    story.is_refused("datums.update", 422, **update, changes={"split": "half"})
    story.is_refused("datums.update", 400, "datum_id", **update, changes={"datum_id": "x"})
    lists_and_pages(
        story,
        "datums",
        "datums",
        "datum_id",
        datum_ids,
        {"metadata.rank": {"$lt": 4}},
        ["split_created_desc"],
    )
    story.does(
        "datums.list",
        lambda out: {"contains": ([datum.datum_id for datum in out.datums], [datum_ids[1]])},
        filters={"annotation_set_ids": set_ids[1]},
    )
    missing(story, "datums.get", "datums.resolve")
    return datum_ids


def records(story, draw, ids, datum_ids, set_ids, schema_ids):
    add = "annotation_records.add"
    story.does(add, lambda out: {"none": (out.annotation_records, [])}, annotations=[])
    boxes = [box(draw, score=draw.random(), metadata=wild_metadata(draw)) for _ in range(4)]
    boxes[1]["attributes"] = {"pose": "сидя"}
    added = story.does(
        add,
        lambda out: {
            "geometry": ([one.geometry for one in out.annotation_records], [one["geometry"] for one in boxes]),
            "scores": ([one.score for one in out.annotation_records], [one["score"] for one in boxes]),
            "metadata": ([one.metadata for one in out.annotation_records], [one["metadata"] for one in boxes]),
            "subject": ({one.subject.id for one in out.annotation_records}, {ids[0]}),
            "source": (out.annotation_records[0].source.model_dump(), SOURCE),
        },
        annotations=boxes,
        annotation_set_id=set_ids[0],
    ).annotation_records
    keys = [one.annotation_id for one in added]
    # A stored record sent back, with the name of the database id that the client gives it.
    dumped = added[0].model_dump(mode="json")
    copy = story.does(
        add,
        lambda out: {
            "new id": (out.annotation_records[0].annotation_id in keys, False),
            "new database id": (out.annotation_records[0].id == added[0].id and added[0].id is not None, False),
            "label": (out.annotation_records[0].label, added[0].label),
            "dumped": (("id" in dumped, "_id" in dumped), (True, False)),
        },
        annotations=[dumped],
        annotation_schema_id=schema_ids[0],
    ).annotation_records[0]
    for annotation, status, fragment in [
        (box(draw, label="птица"), 400, "птица"),
        (box(draw, geometry={}), 400, "geometry"),
        (box(draw, kind="polygon"), 400, "polygon"),
        (box(draw, label_id=2), 400, "label_id"),
        (box(draw, attributes={"colour": 1}), 400, "colour"),
        ({key: value for key, value in box(draw).items() if key != "label"}, 422, "label"),
        ({key: value for key, value in box(draw).items() if key != "kind"}, 422, "kind"),
        (box(draw, kind="cube"), 422, "kind"),
    ]:
        story.is_refused(
            add, status, fragment, annotations=[box(draw), annotation], annotation_set_id=set_ids[0]
        )
    story.is_refused(add, 404, "nobody_1", annotations=[box(draw)], annotation_set_id="nobody_1")
    story.is_refused(add, 400, "subject", annotations=[box(draw)])
    story.is_refused(add, 422, "list_type", annotations={})
    story.does(
        "annotation_sets.get",
        lambda out: {"nothing was added": (out.annotation_set.annotation_record_ids, keys)},
        id=set_ids[0],
    )
    story.does(
        "annotation_records.get",
        lambda out: {"same": (out.annotation_record, added[2])},
        id=keys[2],
    )
    story.does(
        "annotation_records.update",
        lambda out: {
            "label": (out.annotation_record.label, "dog 🐕"),
            "source": (out.annotation_record.source.name, "Я"),
            "geometry": (out.annotation_record.geometry, added[2].geometry),
        },
        annotation_id=keys[2],
        changes={"label": "dog 🐕", "label_id": None, "source": {"type": "human", "name": "Я"}},
    )
    update = {"annotation_id": keys[2]}
    story.is_refused("annotation_records.update", 404, annotation_id="nobody_1", changes={})
    story.is_refused("annotation_records.update", 422, **update, changes={"source": {"type": "dog"}})
    story.is_refused("annotation_records.update", 400, "colour", **update, changes={"colour": 1})
    story.does(
        "annotation_records.list_for_asset",
        lambda out: {
            "ids": ([one.annotation_id for one in out.annotation_records], [*keys, copy.annotation_id])
        },
        asset_id=ids[0],
    )
    story.does(
        "annotation_records.list_for_asset",
        lambda out: {"none": (out.annotation_records, [])},
        asset_id="nobody_1",
    )
    for sort in ("created_desc", "subject_created_desc"):
        found = all_pages(
            story, "annotation_records.list_for_asset_page", "annotation_id", 5, asset_id=ids[0], limit=2, sort=sort
        )
        if sorted(found) != sorted([*keys, copy.annotation_id]):
            raise SystemExit(f"annotation_records.list_for_asset_page by {sort}: {found}")
    story.is_refused("annotation_records.list_for_asset_page", 400, asset_id=ids[0], sort="created_asc")
    lists_and_pages(
        story,
        "annotation_records",
        "annotation_records",
        "annotation_id",
        [keys[0], keys[1], keys[3], copy.annotation_id],
        {"label": "кот", "score": {"$gte": 0}},
        ["subject_created_desc"],
    )
    missing(story, "annotation_records.get", "annotation_records.delete")
    story.does("annotation_records.delete", lambda out: {"nothing": (out, None)}, id=keys[3])
    story.does(
        "annotation_sets.get",
        lambda out: {"without it": (out.annotation_set.annotation_record_ids, keys[:3])},
        id=set_ids[0],
    )


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
    story.does(
        "dataset_versions.get", lambda out: {"same": (out.dataset_version, made[0])}, **of
    )
    story.is_refused("dataset_versions.create", 409, "already exists", **of, manifest=[])
    new = of | {"version": "9"}
    story.is_refused("dataset_versions.create", 404, "nobody_1", **new, manifest=["nobody_1"])
    story.is_refused("dataset_versions.create", 400, **new, manifest=[datum_ids[0]] * 2)
    story.is_refused("dataset_versions.create", 422, "list_type", **new, manifest="all")
    story.does(
        "dataset_versions.list",
        lambda out: {"of one": ([one.dataset_version_id for one in out.dataset_versions], keys[:2])},
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
            "order": ([one.datum.datum_id for one in out.resolved_dataset_version.datums], manifest),
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


async def asynchronous(story, mount):
    """The client's other half: the same tasks, awaited, several at once."""
    await story.does_async("health", lambda out: {"status": (out.status, "ok")})
    await story.does_async("heartbeat")
    put = await story.does_async(
        "objects.put", name="async", data_base64=text_of(b"\x00\xff async"), mount=mount
    )
    await story.does_async(
        "objects.get",
        lambda out: {"bytes": (base64.b64decode(out.data_base64), b"\x00\xff async")},
        storage_ref=put.storage_ref,
    )
    made = await asyncio.gather(
        *(
            story.does_async("collections.create", name="at once", metadata={"n": number})
            for number in range(8)
        )
    )
    await story.does_async(
        "collections.list",
        lambda out: {
            "all": (
                {one.collection_id for one in out.collections},
                {one.collection.collection_id for one in made},
            )
        },
        filters={"name": "at once"},
    )
    page = await story.does_async("collections.list_page", limit=5, filters={"name": "at once"})
    await story.does_async(
        "collections.list_page",
        lambda out: {"rest": (len(out.items), 3)},
        limit=5,
        filters={"name": "at once"},
        cursor=page.page.next_cursor,
    )
    await story.does_async(
        "collections.delete",
        lambda out: {"nothing": (out, None)},
        id=made[0].collection.collection_id,
    )


def end(story, unfinished):
    for task in unfinished:
        story.is_refused(task, 501, task)
    story.is_refused("datalake.wipe", 400, delete_payloads=False, delete_metadata=False)
    story.does(
        "datalake.wipe",
        lambda out: {
            "deleted": ((out.deleted_payloads, out.deleted_metadata), (True, True)),
            "mounts": (len(out.cleared_mounts) > 0, True),
        },
    )
    story.does(
        "summary",
        lambda out: {"empty": (out.summary.count("=0"), 9)},
    )
    story.does("assets.list", lambda out: {"none": (out.assets, [])})
    story.does("shutdown", lambda out: {"shutdown": (out.shutdown, True)})
    story.does("status", lambda out: {"status": (out.status.value, "Down")})


def main(url, seed, *unfinished):
    draw = random.Random(int(seed))
    story = Story(connected(url))
    mount = service(story)
    ref = objects(story, draw, mount)
    ids = assets(story, draw, mount, ref)
    collections(story, draw, ids)
    retentions(story, draw, ids)
    schema_ids = schemas(story, draw)
    datum_ids = annotated_datums(story, draw, ids, schema_ids)
    dataset_versions(story, draw, datum_ids)
    asyncio.run(asynchronous(story, mount))
    end(story, unfinished)


main(*sys.argv[1:])
