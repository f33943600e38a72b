"""The package's service as a process, on a database and folders that another service may use as well.

    python-service.py PORT OPTIONS

OPTIONS is JSON: `uri` and `name` of the database, and `mounts`, of which the first is the default, each
with `name`, `folder`, `mutable` and `version_objects`. It is killed at the end.
"""

import json
import sys

import uvicorn
from mindtrace.datalake import DatalakeService
from mindtrace.registry import LocalMountConfig, Mount

port, options = int(sys.argv[1]), json.loads(sys.argv[2])
mounts = [
    Mount(
        name=one["name"],
        backend="local",
        config=LocalMountConfig(uri=one["folder"]),
        is_default=one is options["mounts"][0],
        registry_options={
            "mutable": one["mutable"],
            "version_objects": one["version_objects"],
            "use_cache": False,
        },
    )
    for one in options["mounts"]
]
service = DatalakeService(
    mongo_db_uri=options["uri"],
    mongo_db_name=options["name"],
    mounts=mounts,
    default_mount=options["mounts"][0]["name"],
    url=f"http://127.0.0.1:{port}",
)
# A busy machine may use a connection just when the default of five seconds ends it.
uvicorn.run(service.app, host="127.0.0.1", port=port, log_level="error", timeout_keep_alive=300)
