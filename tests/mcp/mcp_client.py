"""Talks MCP to a service as users of the Python package do: mcp_client.py URL ASSET_ID."""

import asyncio
import json
import sys

from mindtrace.datalake import DatalakeService

url, asset_id = sys.argv[1:]


async def main():
    async with DatalakeService.mcp.connect(url) as client:
        told = {
            "server": client.initialize_result.serverInfo.name,
            "tools": len(await client.list_tools()),
        }
        wrapped = await client.call_tool("assets.get", {"payload": {"id": asset_id}})
        told["wrapped"] = wrapped.structured_content["asset"]["asset_id"]
        flat = await client.call_tool("assets.get", {"id": asset_id})
        told["flat"] = flat.structured_content["asset"]["asset_id"]
        told["health"] = (await client.call_tool("health", {})).structured_content["status"]
        try:
            await client.call_tool("assets.get", {"payload": {"id": "none"}})
        except Exception as error:
            told["error"] = str(error)
        contents = await client.read_resource(f"mindtrace://assets/{asset_id}")
        told["image"] = contents[0].blob
    print(json.dumps(told))


asyncio.run(main())
