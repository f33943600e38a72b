"""A story of calls: each is told as one JSON line on standard output, with what did not hold."""

import json

from fastapi import HTTPException
from mindtrace.datalake import DatalakeService


class Story:
    """Calls the tasks of a service through a connected client, and tells how each call went."""

    def __init__(self, client):
        self.client = client

    def knows(self, task):
        """Whether the client has the task: older ones lack some."""
        return hasattr(self.client, task.replace(".", "_"))

    def does(self, task, checks=None, /, **arguments):
        """Calls a task. `checks` maps its output to `{what: (found, wanted)}`."""
        method = getattr(self.client, task.replace(".", "_"))
        return tell(task, checks, lambda: method(**arguments))

    async def does_async(self, task, checks=None, /, **arguments):
        """The same through the client's asynchronous method."""
        method = getattr(self.client, "a" + task.replace(".", "_"))
        try:
            output = await method(**arguments)
        except Exception as error:
            raise told_error(task, error) from error
        return tell(task, checks, lambda: output, way="async")

    def is_refused(self, task, status, fragment="", /, **arguments):
        """Calls a task, unchecked by the client, that has to fail with a status and some words."""
        method = getattr(self.client, task.replace(".", "_"))
        refused(task, status, fragment, lambda: method(**arguments, validate_input=False))


def tell(what, checks, act, **more):
    """Does something and tells what of its outcome did not hold; an error ends the story."""
    try:
        output = act()
        failed = {
            name: f"found {found!r}, wanted {wanted!r}"[:600]
            for name, (found, wanted) in (checks(output) if checks else {}).items()
            if found != wanted
        }
    except Exception as error:
        raise told_error(what, error) from error
    line(task=what, ok=not failed, **({"failed": failed} if failed else {}), **more)
    return output


def refused(what, status, fragment, act):
    """Does something that the service has to refuse."""
    try:
        act()
    except HTTPException as error:
        ok = error.status_code == status and fragment in str(error.detail)
        told = {} if ok else {"detail": str(error.detail)[:600], "wanted": [status, fragment]}
        line(task=what, ok=ok, status=error.status_code, **told)
    except Exception as error:
        line(task=what, ok=False, wanted=[status, fragment], error=repr(error)[:600])
    else:
        line(task=what, ok=False, status=200, wanted=[status, fragment])


def told_error(what, error):
    line(task=what, ok=False, error=repr(error)[:600])
    return SystemExit(f"the story ends at {what}: {error!r}")


def line(**fields):
    print(json.dumps(fields), flush=True)


def connected(url):
    """The unchanged client of the package, connected."""
    return DatalakeService.connect(url=url)
