"""The package's service as a process, on a database and a folder that another service uses as well.

    service.py URI NAME FOLDER PORT

It is killed at the end.
"""

import sys

import uvicorn
from mindtrace.datalake import DatalakeService
from mindtrace.registry import LocalMountConfig, Mount

uri, name, folder, port = sys.argv[1:]
mount = Mount(
    name="main",
    backend="local",
    config=LocalMountConfig(uri=folder),
    is_default=True,
    registry_options={"mutable": True, "version_objects": True, "use_cache": False},
)
service = DatalakeService(
    mongo_db_uri=uri,
    mongo_db_name=name,
    mounts=[mount],
    default_mount="main",
    url=f"http://127.0.0.1:{port}",
)
# A busy machine may use a connection just when the default of five seconds ends it.
uvicorn.run(
    service.app, host="127.0.0.1", port=int(port), log_level="error", timeout_keep_alive=300
)
