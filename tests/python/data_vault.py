"""A story of the package's vaults over a connected client: the sync one, then the async one."""

import asyncio
import inspect
import random
import sys
import tempfile

from mindtrace.datalake import (
    AsyncDataVault,
    BboxAnnotation,
    DataVault,
    PolygonAnnotation,
)
from mindtrace.registry import Registry
from PIL import Image

from story import connected, line, refused, tell
from wild_data import wild_metadata

HINTS = "mindtrace.serialization"
SOURCE = {"type": "human", "name": "я", "version": None, "metadata": {}}


class Awaited:
    """An async vault with the face of the sync one."""

    def __init__(self, vault, run):
        self._vault = vault
        self._run = run

    def __getattr__(self, name):
        method = getattr(self._vault, name)

        async def collected(iterator):
            return [item async for item in iterator]

        def call(*args, **arguments):
            begun = method(*args, **arguments)
            return self._run(collected(begun) if inspect.isasyncgen(begun) else begun)

        return call


def cannot(what, error_name, act):
    """Tells what the package itself does not do, whatever the service answers."""
    try:
        found = f"answers {act()!r}"[:300]
    except Exception as error:
        found = type(error).__name__
    line(task=what, ok=found == error_name, limit=found)


def payloads(vault, hinted, way, draw):
    data = draw.randbytes(50_001)
    alias = f"{way}/камера 1 é"
    metadata = wild_metadata(draw)
    saved = tell(
        "save bytes",
        lambda asset: {
            "metadata": (
                {key: asset.metadata.get(key) for key in metadata if key != HINTS},
                without_hints(metadata),
            ),
            "hints": (asset.metadata[HINTS]["class"], "builtins.bytes"),
            "created_by": (asset.created_by, "ü"),
        },
        lambda: vault.save(alias, data, asset_metadata=without_hints(metadata), created_by="ü"),
    )
    key = saved.asset_id
    tell("load", lambda loaded: {"bytes": (loaded, data)}, lambda: vault.load(alias))
    tell("load by the id", lambda loaded: {"bytes": (loaded, data)}, lambda: vault.load(key))
    tell(
        "load_by_asset_id",
        lambda loaded: {"bytes": (loaded, data)},
        lambda: vault.load_by_asset_id(key),
    )
    tell("get_asset", lambda asset: {"same": (asset, saved)}, lambda: vault.get_asset(key))
    tell(
        "get_asset by an alias, which the service answers",
        lambda asset: {"same": (asset, saved)},
        lambda: vault.get_asset(alias),
    )
    text = "Grüße 🦭"
    tell(
        "save text with hints",
        lambda asset: {"hints": (asset.metadata[HINTS], {"class": "builtins.str", "a.b": 1})},
        lambda: vault.save(
            f"{way} text", text, asset_metadata={HINTS: {"class": "builtins.str", "a.b": 1}}
        ),
    )
    tell(
        "load text",
        lambda loaded: {"bytes": (loaded, text.encode())},
        lambda: vault.load(f"{way} text"),
    )
    tell("save text by a registry's hints", None, lambda: hinted.save(f"{way} hinted", text))
    tell(
        "load text unmaterialised",
        lambda loaded: {"bytes": (loaded, text.encode())},
        lambda: hinted.load(f"{way} hinted", materialize=False),
    )
    image = Image.frombytes("RGB", (8, 5), draw.randbytes(120))
    pictured = tell(
        "save_image",
        lambda asset: {
            "kind": (asset.kind, "image"),
            "media_type": (asset.media_type, "image/png"),
        },
        lambda: vault.save_image(f"{way} image", image),
    )
    tell(
        "load_image",
        lambda loaded: {"pixels": (loaded.tobytes(), image.tobytes())},
        lambda: vault.load_image(f"{way} image"),
    )
    tell(
        "load_image_by_asset_id",
        lambda loaded: {"size": (loaded.size, (8, 5))},
        lambda: vault.load_image_by_asset_id(pictured.asset_id),
    )
    refused("load without the alias", 404, "nobody_1", lambda: vault.load("nobody_1"))
    refused("get_asset without the asset", 404, "nobody_1", lambda: vault.get_asset("nobody_1"))
    refused("save an alias again", 409, alias, lambda: vault.save(alias, b"other"))
    cannot("save text without hints", "ValueError", lambda: vault.save("x", "text"))
    cannot("save an object", "TypeError", lambda: hinted.save("x", {"a": 1}))
    cannot("load text by a registry", "FileNotFoundError", lambda: hinted.load(f"{way} hinted"))
    return saved, pictured


def without_hints(metadata):
    return {key: value for key, value in metadata.items() if key != HINTS}


def listings(vault, pictured):
    assets = tell("list_assets", None, vault.list_assets)
    keys = [asset.asset_id for asset in assets]
    tell(
        "list_assets filtered",
        lambda found: {"ids": ([asset.asset_id for asset in found], [pictured.asset_id])},
        lambda: vault.list_assets({"asset_id": pictured.asset_id}),
    )
    tell(
        "list_assets_page",
        lambda page: {
            "total_count": (page.page.total_count, len(keys)),
            "items": (len(page.items), 2),
            "has_more": (page.page.has_more, True),
        },
        lambda: vault.list_assets_page(limit=2, include_total=True),
    )
    tell(
        "iter_assets",
        lambda found: {"ids": ([asset.asset_id for asset in found], keys)},
        lambda: list(vault.iter_assets(sort="created_asc", batch_size=2)),
    )
    images = [asset.asset_id for asset in assets if asset.kind == "image"]
    tell(
        "list_image_assets",
        lambda found: {"ids": ([asset.asset_id for asset in found], images)},
        vault.list_image_assets,
    )
    tell(
        "list_image_assets_page",
        lambda page: {"total_count": (page.page.total_count, len(images))},
        lambda: vault.list_image_assets_page(limit=1, include_total=True),
    )
    tell(
        "iter_image_assets",
        lambda found: {"count": (len(found), len(images))},
        lambda: list(vault.iter_image_assets(batch_size=1)),
    )


def datasets(vault, way, saved, pictured):
    name = f"{way} набор"
    made = tell(
        "create_dataset",
        lambda dataset: {
            "name": (dataset.name, name),
            "metadata": (dataset.metadata, {"a.b": {"c": [1]}}),
            "asset_count": (dataset.asset_count, 0),
        },
        lambda: vault.create_dataset(name, description="опис", metadata={"a.b": {"c": [1]}}),
    )
    cannot("create_dataset again", "ValueError", lambda: vault.create_dataset(name))
    cannot("get_dataset of none", "DocumentNotFoundError", lambda: vault.get_dataset("nobody_1"))
    tell("get_dataset", lambda found: {"same": (found, made)}, lambda: vault.get_dataset(name))
    tell(
        "list_datasets",
        lambda found: {"listed": (name in [one.name for one in found], True)},
        vault.list_datasets,
    )
    tell(
        "list_datasets_page by its default sort",
        lambda page: {"last updated": ([one.name for one in page.items], [name])},
        lambda: vault.list_datasets_page(limit=1),
    )
    tell(
        "iter_datasets by its default sort",
        lambda found: {"listed": (name in [one.name for one in found], True)},
        lambda: list(vault.iter_datasets(batch_size=1)),
    )
    for asset in (saved, pictured.asset_id, pictured):
        tell("add_asset", None, lambda: vault.add_asset(name, asset, split="train"))
    keys = [saved.asset_id, pictured.asset_id]
    tell(
        "list_dataset_assets",
        lambda found: {"ids": ([asset.asset_id for asset in found], keys)},
        lambda: vault.list_dataset_assets(made),
    )
    tell(
        "list_dataset_assets_page",
        lambda page: {"has_more": (page.page.has_more, True)},
        lambda: vault.list_dataset_assets_page(name, limit=1),
    )
    tell(
        "iter_dataset_assets",
        lambda found: {"ids": (sorted(asset.asset_id for asset in found), sorted(keys))},
        lambda: list(vault.iter_dataset_assets(name, batch_size=1)),
    )
    annotations(vault, way, name, pictured)
    snapshots(vault, way, name, keys)
    tell("remove_asset", None, lambda: vault.remove_asset(name, saved))
    cannot("remove_asset again", "DocumentNotFoundError", lambda: vault.remove_asset(name, saved))
    tell(
        "remove_asset again, missing_ok",
        None,
        lambda: vault.remove_asset(name, saved, missing_ok=True),
    )
    tell(
        "list_dataset_assets without it",
        lambda found: {"ids": ([asset.asset_id for asset in found], keys[1:])},
        lambda: vault.list_dataset_assets(name),
    )


def annotations(vault, way, name, pictured):
    box = BboxAnnotation(label="кот", x=0.5, y=2, width=3, height=4.25, source=SOURCE, score=0.5)
    outline = PolygonAnnotation(label="dog", vertices=[[0, 0], [1, 1.5], [2, 0]], source=SOURCE)
    on = {"asset": pictured}
    first = tell(
        "add_annotation",
        lambda record: {
            "geometry": (record.geometry, {"x": 0.5, "y": 2, "width": 3, "height": 4.25}),
            "subject": (record.subject.id, pictured.asset_id),
        },
        lambda: vault.add_annotation(name, box, **on),
    )
    by_alias = tell(
        "add_annotation to an alias, which the service answers",
        lambda record: {"subject": (record.subject.id, pictured.asset_id)},
        lambda: vault.add_annotation(name, box, asset=f"{way} image"),
    )
    tell(
        "list_dataset_annotations",
        lambda found: {"count": (len(found), 2)},
        lambda: vault.list_dataset_annotations(name, **on),
    )
    tell(
        "list_dataset_annotations_page",
        lambda page: {"items": (len(page.items), 1), "total_count": (page.page.total_count, 2)},
        lambda: vault.list_dataset_annotations_page(name, limit=1, include_total=True),
    )
    tell(
        "iter_dataset_annotations",
        lambda found: {"count": (len(found), 2)},
        lambda: list(vault.iter_dataset_annotations(name, batch_size=1)),
    )
    tell("remove_annotation", None, lambda: vault.remove_annotation(name, by_alias))
    cannot(
        "remove_annotation again",
        "DocumentNotFoundError",
        lambda: vault.remove_annotation(name, by_alias),
    )
    tell(
        "remove_annotation again, missing_ok",
        None,
        lambda: vault.remove_annotation(name, by_alias.annotation_id, missing_ok=True),
    )
    tell(
        "add_annotations",
        lambda found: {"count": (len(found), 2)},
        lambda: vault.add_annotations(f"{way} image", [box, outline]),
    )
    plain = {"kind": "classification", "label": "dog", "source": SOURCE}
    tell(
        "add_annotations_for_asset",
        lambda found: {"count": (len(found), 1)},
        lambda: vault.add_annotations_for_asset(f"{way} image", [plain]),
    )
    tell(
        "list_annotations_for_asset",
        lambda found: {
            "first": (found[0], first),
            "kinds": (
                [record.kind for record in found],
                ["bbox", "bbox", "polygon", "classification"],
            ),
        },
        lambda: vault.list_annotations_for_asset(f"{way} image"),
    )
    tell(
        "load_annotations",
        lambda found: {"box": (found[1], box), "outline": (found[2], outline)},
        lambda: vault.load_annotations(f"{way} image"),
    )


def snapshots(vault, way, name, keys):
    snapshot = f"{way} снимок"
    tell(
        "freeze_dataset",
        lambda version: {
            "name": ((version.dataset_name, version.version), (snapshot, "1")),
            "manifest": (len(version.manifest), 2),
        },
        lambda: vault.freeze_dataset(name, snapshot_name=snapshot, snapshot_version="1"),
    )
    refused(
        "freeze_dataset again",
        409,
        "already exists",
        lambda: vault.freeze_dataset(name, snapshot_name=snapshot, snapshot_version="1"),
    )
    tell(
        "freeze_dataset, not persisted",
        lambda resolved: {"datums": (len(resolved.datums), 2)},
        lambda: vault.freeze_dataset(name, persist=False),
    )
    copy = f"{way} копия"
    tell(
        "import_dataset_version",
        lambda dataset: {"name": (dataset.name, copy)},
        lambda: vault.import_dataset_version(snapshot, "1", target_name=copy),
    )
    tell(
        "list_dataset_assets of the imported",
        lambda found: {"ids": ([asset.asset_id for asset in found], keys)},
        lambda: vault.list_dataset_assets(copy),
    )
    cannot(
        "list_dataset_annotations of the imported",
        "answers []",
        lambda: vault.list_dataset_annotations(copy),
    )
    tell(
        "import_dataset_version over another",
        None,
        lambda: vault.import_dataset_version(snapshot, "1", target_name=copy, overwrite=True),
    )


def exports(vault, way, pictured):
    name = f"{way} pictures"
    box = BboxAnnotation(label="кот", x=0, y=1, width=2, height=3, source=SOURCE)
    tell("create_dataset to export", None, lambda: vault.create_dataset(name))
    tell("add_annotation to export", None, lambda: vault.add_annotation(name, box, asset=pictured))
    with tempfile.TemporaryDirectory() as folder:
        tell(
            "export_dataset as coco",
            lambda result: {
                "assets": (result.asset_count, 1),
                "annotations": (result.annotation_count, 1),
                "written": (len(result.files_written) > 0, True),
            },
            lambda: vault.export_dataset(name, format="coco", destination=f"{folder}/coco"),
        )
        cannot(
            "export_dataset as voc",
            "ValueError",
            lambda: vault.export_dataset(name, format="voc", destination=f"{folder}/voc"),
        )


def download_urls(vault, saved, signs):
    tell(
        "get_download_url",
        lambda url: {"signed": (url is not None and url.startswith("http"), signs)},
        lambda: vault.get_download_url(saved.asset_id),
    )
    tell(
        "get_download_urls",
        lambda urls: {"signed": (list(urls), [saved.asset_id] if signs else [])},
        lambda: vault.get_download_urls([saved.asset_id]),
    )


def main(url, seed, mount):
    draw = random.Random(int(seed))
    client = connected(url)
    registry = Registry(tempfile.mkdtemp())
    with asyncio.Runner() as runner:
        awaited = Awaited(AsyncDataVault(client), runner.run)
        awaited_hinted = Awaited(AsyncDataVault(client, registry=registry), runner.run)
        for way, vault, hinted in [
            ("sync", DataVault(client), DataVault(client, registry=registry)),
            ("async", awaited, awaited_hinted),
        ]:
            saved, pictured = payloads(vault, hinted, way, draw)
            listings(vault, pictured)
            datasets(vault, way, saved, pictured)
            exports(vault, way, pictured)
        download_urls(awaited, saved, mount == "bucket")
    tell(
        "from_url",
        lambda loaded: {"bytes": (loaded, "Grüße 🦭".encode())},
        lambda: DataVault.from_url(url).load("sync text"),
    )


main(*sys.argv[1:])
