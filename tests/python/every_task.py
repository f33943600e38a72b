"""A story that calls every task the service has a handler for, through the unchanged client."""

import asyncio
import base64
import random
import sys
import uuid

from mindtrace.datalake import DatalakeService

from annotation_story import annotated_datums, schemas
from asset_story import assets, objects, text_of, uploads
from collection_story import collections, retentions
from dataset_story import dataset_versions
from story import Story, connected, refused


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
    known = set(DatalakeService(live_service=False).endpoints)
    since = {"assets.download_url", "assets.download_urls"}
    story.does("endpoints", lambda out: {"known": (set(out.endpoints), known | since)})
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


def end(story, unfinished, has_key):
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
    if has_key:
        # The client writes this request, and that of `status`, by hand, and leaves the key out.
        refused("shutdown", 401, "key", story.client.shutdown)
        return
    story.does("shutdown", lambda out: {"shutdown": (out.shutdown, True)})
    story.does("status", lambda out: {"status": (out.status.value, "Down")})


def main(url, seed, *unfinished):
    draw = random.Random(int(seed))
    story = Story(connected(url))
    mount = service(story)
    ref = objects(story, draw, mount)
    signs = uploads(story, draw, mount)
    ids = assets(story, draw, mount, ref, signs)
    collections(story, draw, ids)
    retentions(story, draw, ids)
    schema_ids = schemas(story, draw)
    datum_ids = annotated_datums(story, draw, ids, schema_ids)
    dataset_versions(story, draw, datum_ids)
    asyncio.run(asynchronous(story, mount))
    end(story, unfinished, has_key="@" in url)


main(*sys.argv[1:])
