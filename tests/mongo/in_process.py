"""The package's lake in process, on a database and a folder that another program uses as well.

    in_process.py MODE URI NAME FOLDER SEED

MODE `write` makes documents of every family; `mix` does random things to what it finds, too; `read` tells all
that it reads, as one JSON line a collection.
"""

import asyncio
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python"))

from mindtrace.datalake import AsyncDatalake
from mindtrace.registry import LocalMountConfig, Mount
from wild_data import wild_metadata


def line(**fields):
    print(json.dumps(fields), flush=True)


def stable(value):
    """Random metadata without what no BSON text can hold."""
    if isinstance(value, str):
        return value.replace("\u0000", "")
    if isinstance(value, dict):
        return {key: stable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [stable(one) for one in value]
    return value


async def a_sample(lake, rng, n):
    """An asset with bytes, an alias, a datum, a set and its records."""
    asset = await lake.create_asset_from_object(
        name=f"python-{rng.random()}",
        obj=f"bytes {n}".encode(),
        kind="image",
        media_type="image/png",
        asset_metadata=stable(wild_metadata(rng)),
    )
    await lake.add_alias(asset.asset_id, f"python alias {rng.random()}")
    datum = await lake.create_datum(
        asset_refs={"image": asset.asset_id}, split=rng.choice([None, "train", "val"])
    )
    annotation_set = await lake.create_annotation_set(
        name="set", purpose="ground_truth", source_type="human", datum_id=datum.datum_id
    )
    await lake.add_annotation_records(
        [
            {
                "kind": "bbox",
                "label": rng.choice(["cat", "dog"]),
                "score": rng.choice([None, 1.0, 0.25]),
                "source": {"type": "machine", "name": "python"},
                "geometry": {"x": 1.0, "y": 2, "width": 3.5, "height": 2**33},
                "subject": {"kind": "asset", "id": asset.asset_id},
            }
            for _ in range(rng.randrange(1, 4))
        ],
        annotation_set_id=annotation_set.annotation_set_id,
    )
    return asset, datum


async def write(lake, rng, count):
    await lake.create_annotation_schema(
        name=f"python {rng.random()}",
        version="1",
        task_type="detection",
        allowed_annotation_kinds=["bbox"],
        labels=[{"name": "cat", "id": 1}],
    )
    collection = await lake.create_collection(name="python", metadata=stable(wild_metadata(rng)))
    datums = []
    for n in range(count):
        asset, datum = await a_sample(lake, rng, n)
        datums.append(datum.datum_id)
        await lake.create_collection_item(
            collection_id=collection.collection_id, asset_id=asset.asset_id, split="train"
        )
        await lake.create_asset_retention(
            asset_id=asset.asset_id, owner_type="manual_pin", owner_id="python"
        )
    await lake.create_dataset_version(
        dataset_name=f"python {rng.random()}", version="1", manifest=datums
    )


async def mix(lake, rng, count):
    await write(lake, rng, 2)
    for n in range(count):
        assets = await lake.list_assets()
        asset = rng.choice(assets)
        kind = rng.randrange(5)
        if kind == 0:
            await a_sample(lake, rng, n)
        elif kind == 1:
            await lake.update_asset_metadata(asset.asset_id, stable(wild_metadata(rng)))
        elif kind == 2:
            await lake.add_alias(asset.asset_id, f"python alias {rng.random()}")
        elif kind == 3:
            await lake.list_datums()
            await lake.list_annotation_records({"label": "cat"})
        else:
            page = await lake.list_assets_page(limit=7)
            assert page.items


async def read(lake):
    for name in [
        "assets",
        "collections",
        "collection_items",
        "asset_retentions",
        "annotation_schemas",
        "annotation_sets",
        "annotation_records",
        "datums",
        "dataset_versions",
    ]:
        documents = await getattr(lake, f"list_{name}")()
        line(read=name, documents=[one.model_dump(mode="json") for one in documents])


async def main(mode, uri, name, folder, seed):
    mount = Mount(
        name="main",
        backend="local",
        config=LocalMountConfig(uri=folder),
        is_default=True,
        registry_options={"mutable": True, "version_objects": True, "use_cache": False},
    )
    lake = await AsyncDatalake.create(uri, name, mounts=[mount], default_mount="main")
    rng = random.Random(int(seed))
    try:
        if mode == "write":
            await write(lake, rng, 5)
        elif mode == "mix":
            await mix(lake, rng, 60)
        await read(lake)
        if mode == "read":
            for asset in await lake.list_assets():
                payload = await lake.get_asset_payload(asset.asset_id)
                line(payload=asset.asset_id, text=bytes(payload).decode())
        line(done=mode)
    finally:
        await lake.close()


asyncio.run(main(*sys.argv[1:]))
