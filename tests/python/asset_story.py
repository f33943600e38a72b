"""Objects, assets and aliases."""

import base64
import time
from pathlib import Path
from urllib.request import Request, urlopen

from page_walks import lists_and_pages, missing
from wild_data import wild_metadata

NOWHERE = {"mount": "nowhere", "name": "a", "version": None}


def text_of(data):
    return base64.b64encode(data).decode()


def ref_of(ref):
    return {"mount": ref.mount, "name": ref.name, "version": ref.version}


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


def uploads(story, draw, mount):
    data = draw.randbytes(70_001)
    name = "uploads/кадр 2"
    session = story.does(
        "objects.upload_session.create",
        lambda out: {"status": (out.status, "pending")},
        name=name,
        mount=mount,
        metadata=wild_metadata(draw),
    )
    ticket = {
        "upload_session_id": session.upload_session_id,
        "finalize_token": session.finalize_token,
    }
    story.is_refused("objects.upload_session.complete", 409, **ticket)
    story.is_refused(
        "objects.upload_session.complete", 403, **{**ticket, "finalize_token": "other"}
    )
    signs = session.upload_method == "presigned_url"
    if signs:
        request = Request(session.upload_url, data, session.upload_headers, method="PUT")
        with urlopen(request) as response:
            response.read()
    else:
        Path(session.upload_path).write_bytes(data)
    completed = story.does(
        "objects.upload_session.complete",
        lambda out: {
            "status": (out.status, "completed"),
            "name": (out.storage_ref.name, name),
            "version": (out.resolved_version, out.storage_ref.version),
        },
        **ticket,
    )
    story.does(
        "objects.get",
        lambda out: {"bytes": (base64.b64decode(out.data_base64, validate=True), data)},
        storage_ref=ref_of(completed.storage_ref),
    )
    return signs


def found_in(document, wanted):
    """Whether a part of a nested document equals what is wanted."""
    if document == wanted:
        return True
    return isinstance(document, dict) and any(found_in(part, wanted) for part in document.values())


def assets(story, draw, mount, ref, signs):
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
                **{name: (getattr(out.asset, name), value) for name, value in arguments.items()},
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
    if story.knows("assets.download_url"):
        story.does(
            "assets.download_url",
            lambda out: {
                "id": (out.asset_id, ids[0]),
                "url": (out.url is not None, signs),
                "expires_at": (out.expires_at is not None, signs),
            },
            asset_id=ids[0],
        )
        story.does(
            "assets.download_urls",
            lambda out: {"urls": (set(out.urls), set(ids) if signs else set())},
            asset_ids=ids,
        )
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
