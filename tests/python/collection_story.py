"""Collections, their items, and the retentions of assets."""

from page_walks import lists_and_pages, missing
from wild_data import wild_metadata


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
    story.does("collections.get", lambda out: {"same": (out.collection, made[1])}, id=keys[1])
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
    story.is_refused(
        "collections.update", 400, "colour", collection_id=keys[1], changes={"colour": 1}
    )
    story.is_refused(
        "collections.update",
        400,
        "collection_id",
        collection_id=keys[1],
        changes={"collection_id": "x"},
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
    story.does("collection_items.delete", lambda out: {"nothing": (out, None)}, id=item_keys[0])
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
    story.does("asset_retentions.list", lambda out: {"left": (len(out.asset_retentions), 2)})
