"""Annotation schemas, sets and records, and the datums that they describe."""

from page_walks import all_pages, lists_and_pages, missing
from wild_data import wild_metadata


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
    story.is_refused(
        "annotation_schemas.update",
        409,
        "pets@1",
        **update,
        changes={"name": "pets", "version": "1"},
    )
    story.is_refused("annotation_schemas.update", 404, annotation_schema_id="nobody_1", changes={})
    story.is_refused("annotation_schemas.update", 422, **update, changes={"task_type": "guess"})
    create = {"task_type": "detection", "allowed_annotation_kinds": ["bbox"], "name": "pets"}
    story.is_refused("annotation_schemas.create", 409, "pets@1", **create, version="1")
    story.is_refused(
        "annotation_schemas.create",
        422,
        "task_type",
        **create | {"task_type": "guess"},
        version="4",
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
        metadata = wild_metadata(draw) | {
            "rank": index,
            "tags": ["a", f"t{index}"],
            "odd": bool(index % 2),
        }
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
    story.does(
        "annotation_sets.get", lambda out: {"same": (out.annotation_set, sets[0])}, id=set_ids[0]
    )
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
        lambda out: {
            "by path": ([one.annotation_set_id for one in out.annotation_sets], [set_ids[1]])
        },
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
            "sets": (
                [one.annotation_set_id for one in out.resolved_datum.annotation_sets],
                [set_ids[0]],
            ),
            "records": ([len(one) for one in out.resolved_datum.annotation_records.values()], [3]),
            "keys": (list(out.resolved_datum.annotation_records), [set_ids[0]]),
        },
        id=datum_ids[0],
    )
    story.does(
        "datums.update",
        lambda out: {
            "split": (out.datum.split, "test"),
            "metadata": (out.datum.metadata, datums[3].metadata),
        },
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
            "geometry": (
                [one.geometry for one in out.annotation_records],
                [one["geometry"] for one in boxes],
            ),
            "scores": (
                [one.score for one in out.annotation_records],
                [one["score"] for one in boxes],
            ),
            "metadata": (
                [one.metadata for one in out.annotation_records],
                [one["metadata"] for one in boxes],
            ),
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
            "new database id": (
                out.annotation_records[0].id == added[0].id and added[0].id is not None,
                False,
            ),
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
    story.is_refused(
        "annotation_records.update", 422, **update, changes={"source": {"type": "dog"}}
    )
    story.is_refused("annotation_records.update", 400, "colour", **update, changes={"colour": 1})
    story.does(
        "annotation_records.list_for_asset",
        lambda out: {
            "ids": (
                [one.annotation_id for one in out.annotation_records],
                [*keys, copy.annotation_id],
            )
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
            story,
            "annotation_records.list_for_asset_page",
            "annotation_id",
            5,
            asset_id=ids[0],
            limit=2,
            sort=sort,
        )
        if sorted(found) != sorted([*keys, copy.annotation_id]):
            raise SystemExit(f"annotation_records.list_for_asset_page by {sort}: {found}")
    story.is_refused(
        "annotation_records.list_for_asset_page", 400, asset_id=ids[0], sort="created_asc"
    )
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
