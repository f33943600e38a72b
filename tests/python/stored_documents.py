"""Tells the bodies that the package would send for the tasks that carry stored documents."""

import base64
import sys

from mindtrace.datalake import (
    DatasetSyncBundle,
    DatasetSyncImportRequest,
    ObjectPayloadDescriptor,
    ReplicationBatchRequest,
)
from mindtrace.datalake.service_types import DatasetStreamingImportPushBatchInput

from story import connected, line


def stored_dataset(client):
    """A small dataset, as the service gives its documents."""
    asset = client.assets_create_from_object(
        name="кадр",
        data_base64=base64.b64encode(b"bytes").decode(),
        kind="image",
        media_type="image/png",
    ).asset
    schema = client.annotation_schemas_create(
        name="any",
        version="1",
        task_type="other",
        allowed_annotation_kinds=["classification"],
        labels=[{"name": "кот", "id": 1}],
    ).annotation_schema
    datum = client.datums_create(asset_refs={"image": asset.asset_id}, split="val").datum
    annotation_set = client.annotation_sets_create(
        name="set",
        purpose="ground_truth",
        source_type="human",
        datum_id=datum.datum_id,
        annotation_schema_id=schema.annotation_schema_id,
    ).annotation_set
    client.annotation_records_add(
        annotations=[
            {"kind": "classification", "label": "кот", "source": {"type": "human", "name": "я"}}
        ],
        annotation_set_id=annotation_set.annotation_set_id,
    )
    client.dataset_versions_create(dataset_name="sent", version="1", manifest=[datum.datum_id])
    resolved = client.dataset_versions_resolve(dataset_name="sent", version="1")
    return resolved.resolved_dataset_version, schema


def main(url):
    version, schema = stored_dataset(connected(url))
    (datum,) = version.datums
    asset = datum.assets["image"]
    documents = {
        "assets": [asset],
        "annotation_schemas": [schema],
        "annotation_sets": datum.annotation_sets,
        "annotation_records": [
            record for records in datum.annotation_records.values() for record in records
        ],
    }
    payload = ObjectPayloadDescriptor(
        asset_id=asset.asset_id, storage_ref=asset.storage_ref, media_type=asset.media_type
    )
    bundle = DatasetSyncBundle(
        dataset_version=version.dataset_version,
        datums=[datum.datum],
        payloads=[payload],
        **documents,
    )
    bodies = {
        "dataset_versions.import_prepare": DatasetSyncImportRequest(bundle=bundle),
        "replication.upsert_batch": ReplicationBatchRequest(
            datums=[datum.datum], origin_lake_id="lake-a", **documents
        ),
        "dataset_versions.streaming_import_push_batch": DatasetStreamingImportPushBatchInput(
            session_id="s", items=[{"manifest_index": 0, "datum": datum.datum, **documents}]
        ),
    }
    for task, body in bodies.items():
        line(task=task, ok=True, body=body.model_dump(mode="json"))


main(*sys.argv[1:])
