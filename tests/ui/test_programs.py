"""What programs get: Gradio's typed endpoints, plain HTTP, and the tools over MCP."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from lantern import SITE

PORT = "Which port does the dashboard use?"


@pytest.fixture(scope="module")
def client(served):
    served.until_all()
    return Client(served.address, verbose=False)


def test_the_endpoints_are_ask_and_search(client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {"/ask", "/search"}
    assert [p["parameter_name"] for p in named["/ask"]["parameters"]] == [
        "question", "history", "k", "strict"
    ]  # fmt: skip
    assert [p["parameter_name"] for p in named["/search"]["parameters"]] == ["question", "k"]


def test_ask(client):
    answer = client.predict(PORT, api_name="/ask")
    assert "5580" in answer["answer"]
    assert answer["citations"][0]["url"] == SITE + "monitoring/#dashboard"
    assert answer["citations"][0]["quote"] in answer["hits"][0]["text"]
    (claim,) = [claim for claim in answer["claims"] if "5580" in claim["text"]]
    assert claim["supported"] is True
    assert answer["confidence"] > 0
    assert answer["generator"] == "extractive"


def test_ask_in_a_conversation(client):
    history = [{"role": "user", "content": "How do I start the dashboard?"}]
    answer = client.predict("and on which port?", history, 3, True, api_name="/ask")
    assert "5580" in answer["answer"]
    assert len(answer["hits"]) == 3
    blocks = [{"role": "user", "content": [{"type": "text", "text": history[0]["content"]}]}]
    assert (
        client.predict("and on which port?", blocks, 3, True, api_name="/ask")["answer"]
        == (answer["answer"])
    )


def test_search(client):
    hits = client.predict("signed messages", 3, api_name="/search")
    assert hits[0]["url"] == SITE + "security/#signing"
    assert len(hits) == 3


@pytest.mark.parametrize(
    ("endpoint", "arguments", "says"),
    [
        ("/ask", [""], "question is empty"),
        ("/ask", ["x" * 4001], "4,001 characters"),
        ("/ask", ["x", [{"role": "root", "content": "x"}]], "history is a list"),
        ("/ask", ["x", [{"role": "user", "content": "x"}] * 41], "41 messages"),
        ("/search", ["x", 0], "k is 0"),
        ("/search", ["x", 31], "k is 31"),
    ],
)
def test_what_is_wrong_is_said(client, endpoint, arguments, says):
    with pytest.raises(AppError, match=says):
        client.predict(*arguments, api_name=endpoint)


def test_plain_http_as_in_the_readme(served):
    """curl's two steps: a question is left, and its answer is fetched as an event stream."""
    served.until_all()
    asked = post(f"{served.address}/gradio_api/call/v2/ask", {"question": PORT})
    event = json.loads(asked)["event_id"]
    url = f"{served.address}/gradio_api/call/v2/ask/{event}"
    with urllib.request.urlopen(url, timeout=60) as stream:
        text = stream.read().decode()
    kind, data = text.strip().split("\n")[-2:]
    assert kind == "event: complete"
    assert "5580" in json.loads(data.removeprefix("data: "))[0]["answer"]


def post(url: str, body: dict, **headers: str) -> str:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read().decode()


def test_tools_over_mcp(served):
    """A real client of the protocol sees the two tools, uses them, and is told what is wrong."""
    pytest.importorskip("mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def use():
        async with (
            streamable_http_client(f"{served.address}/mcp") as (read, write, _),
            ClientSession(read, write) as tools,
        ):
            await tools.initialize()
            listed = {tool.name: tool for tool in (await tools.list_tools()).tools}
            asked = await tools.call_tool("ask", {"question": PORT})
            found = await tools.call_tool("search", {"question": "signed messages", "k": 2})
            wrong = await tools.call_tool("search", {"question": "", "k": 2})
            return listed, asked, found, wrong, await tools.list_resources()

    listed, asked, found, wrong, resources = asyncio.run(use())
    assert set(listed) == {"ask", "search"}
    assert set(listed["ask"].inputSchema["properties"]) == {"question", "strict"}
    assert "5580" in asked.structuredContent["answer"]
    assert asked.structuredContent["citations"][0]["url"] == SITE + "monitoring/#dashboard"
    assert found.structuredContent["passages"][0]["url"] == SITE + "security/#signing"
    assert len(found.structuredContent["passages"]) == 2
    assert wrong.isError
    assert "question is empty" in wrong.content[0].text
    assert resources.resources == []


def test_no_other_path_of_gradio_is_served(served):
    for path in [
        "gradio_api/file=/etc/passwd", "gradio_api/file/etc/passwd", "file=/etc/passwd",
        "gradio_api/proxy=http://evil.test/", "gradio_api/upload", "gradio_api/custom_component/x",
        "static/../../../etc/passwd", "assets/..%2f..%2fetc%2fpasswd", "theme.css", "manifest.json",
        "monitoring", "gradio_api/vibe-code", "docs", "openapi.json", "gradio_api/mcp/", "flag",
        "page/..%2f__init__.py", "page/../server.py", "page/index.html", "page/%2e%2e%2fusers.py",
    ]:  # fmt: skip
        for method in ("GET", "POST"):
            request = urllib.request.Request(f"{served.address}/{path}", method=method)
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(request, timeout=30)
            assert error.value.code in (404, 405), (method, path)


def test_no_file_comes_in_as_an_argument(served):
    """What Gradio takes for a file of the server in a JSON value stays a JSON value."""
    served.until_all()
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    for arguments in ([file, None, 3, False], ["x", [file], 3, False], ["x", file, 3, False]):
        asked = post(f"{served.address}/gradio_api/call/ask", {"data": arguments})
        url = f"{served.address}/gradio_api/call/ask/{json.loads(asked)['event_id']}"
        with urllib.request.urlopen(url, timeout=60) as stream:
            answer = stream.read().decode()
        assert "event: error" in answer
        assert "root:" not in answer
