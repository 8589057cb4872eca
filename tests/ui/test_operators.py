"""What an operator relies on: who gets in, how many, what is logged, and a proxy in front."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http.client import HTTPConnection

import pytest
from asking import PATIENCE, answered, ask, ask_more
from conftest import missing
from gradio_client import Client
from playwright.sync_api import expect
from serving import chat, free_port

from rag.data import FootnoteError
from ui.users import Users, hashed, read_users

PORT = "Which port does the dashboard use?"
TELLING = "Which port does the secret dashboard use?"


def users_line(name: str, password: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ui.users", name],
        input=password + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def guarded(index, tmp_path_factory):
    """A web chat for ada and bob, three questions a minute, that logs questions."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "users").write_text(users_line("ada", "love: lace") + "\n" + users_line("bob", "b"))
    options = ["--auth", str(folder / "users"), "--rate", "3", "--log-questions", "--mcp"]
    with chat(index, folder, *options) as server:
        yield server


def status(url: str, body: dict | None = None, **headers: str) -> int:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as got:
            return got.status
    except urllib.error.HTTPError as error:
        return error.code


def test_passwords_are_hashed(tmp_path):
    line = users_line("ada", "love: lace")
    assert re.fullmatch(r"ada:scrypt:[\w=-]{24}:[\w=-]{88}\n", line)
    assert line != users_line("ada", "love: lace")
    (tmp_path / "users").write_text(line)
    users = read_users(tmp_path / "users")
    assert users.knows("ada", "love: lace")
    assert not users.knows("ada", "lovelace")
    assert not users.knows("eve", "love: lace")
    assert not users.knows("ada", "")


def test_a_proof_is_good_for_its_name_only():
    users = Users({"ada": hashed("x")})
    proof = users.proof("ada")
    assert users.shown(proof) == "ada"
    encoded, until, signature = proof.split(".")
    for forged in [
        "", "..", f"{encoded}.{int(until) + 1}.{signature}", f"Ym9i.{until}.{signature}",
        f"{encoded}.{until}.", f"{encoded}.{until}", Users({"ada": hashed("x")}).proof("ada"),
    ]:  # fmt: skip
        assert users.shown(forged) is None


@pytest.mark.parametrize("text", ["", "ada:plain\n", "ada\n", ":scrypt:a:b\n", "ada:scrypt:a\n"])
def test_a_bad_file_of_users_is_one_line(footnote, lantern, tmp_path, text):
    (tmp_path / "users").write_text(text)
    with pytest.raises(FootnoteError, match=r"python -m ui\.users NAME >>"):
        read_users(tmp_path / "users")
    done = footnote("chat", "--auth", tmp_path / "users", "--index", lantern)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_nobody_else_gets_in(guarded):
    for path in ["about", "config", "gradio_api/info", "gradio_api/queue/data", "nothing"]:
        assert status(f"{guarded.address}/{path}") == 401
    assert status(f"{guarded.address}/") == 401
    for path in ["answer", "feedback", "export", "mcp", "gradio_api/call/ask", "logout"]:
        assert status(f"{guarded.address}/{path}", {"question": PORT}) == 401
    assert status(f"{guarded.address}/health") == 200
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(guarded.address)
    page = error.value.read().decode()
    assert "Log in" in page
    assert "lantern" not in page


def test_programs_log_in(guarded):
    guarded.until_all()
    with pytest.raises(Exception, match=r"(?i)auth|log ?in|credentials|400"):
        Client(guarded.address, auth=("ada", "wrong"), verbose=False)
    client = Client(guarded.address, auth=("ada", "love: lace"), verbose=False)
    assert len(client.predict("signed", 2, api_name="/search")) == 2
    basic = "Basic " + b64encode(b"ada:love: lace").decode()
    assert status(f"{guarded.address}/about", Authorization=basic) == 200
    basic = "Basic " + b64encode(b"ada:nonsense").decode()
    assert status(f"{guarded.address}/about", Authorization=basic) == 401


def test_people_log_in_and_out_and_have_a_rate_each(page, guarded):
    page.goto(guarded.address)
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    page.get_by_label("Password").fill("b")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ask lantern and hostile")).to_be_visible()
    for _ in range(3):
        answered(ask_more(page, TELLING))
    expect(ask_more(page, TELLING)).to_contain_text("3 a minute are allowed: try again in")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert [row["question"] for row in guarded.logged("answer")].count(TELLING) == 3


def test_guessing_passwords_is_slowed(index, tmp_path):
    (tmp_path / "users").write_text(users_line("ada", "x"))
    with chat(index, tmp_path, "--auth", str(tmp_path / "users")) as server:
        basic = "Basic " + b64encode(b"ada:guess").decode()
        codes = [status(f"{server.address}/about", Authorization=basic) for _ in range(11)]
    assert codes == [401] * 10 + [429]


def test_the_log_has_figures_and_no_questions(page, served):
    answered(ask(page, served.address, TELLING))
    row = served.logged("answer")[-1]
    assert row["status"] == "answered"
    assert row["timings"]["search"] > 0
    assert TELLING not in served.said()
    assert "question" not in row


def test_answers_that_end_together_have_a_line_each():
    """As standard error is when a server has it, which pytest's own is not."""
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from ui.desk import log\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    list(pool.map(lambda number: log('answer', number=number), range(4000)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    numbers = [json.loads(line)["number"] for line in done.stderr.splitlines()]
    assert sorted(numbers) == list(range(4000))


def test_health(served):
    served.until_all()
    with urllib.request.urlopen(f"{served.address}/health") as answer:
        health = json.load(answer)
    assert health == {"state": "ready", "endpoints": True, "answering": 0, "waiting": 0}


def test_a_connection_outlives_a_pause(served):
    connection = HTTPConnection(served.address.removeprefix("http://"), timeout=60)
    for _ in range(2):
        connection.request("GET", "/health")
        assert connection.getresponse().read()
        time.sleep(6)  # the server's default would be 5 s


def test_headers_keep_foreign_things_out(served):
    for path in ("/", "/health", "/page/chat.js", "/config", "/nothing"):
        try:
            headers = urllib.request.urlopen(served.address + path).headers
        except urllib.error.HTTPError as error:
            headers = error.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_other_sites_cannot_ask(served):
    url = f"{served.address}/answer"
    assert status(url, {"question": PORT}) == 200
    assert status(url, {"question": PORT}, Sec_Fetch_Site="cross-site") == 403
    assert status(url, {"question": PORT}, Content_Type="text/plain") == 400


def test_a_foreign_name_that_leads_here_is_refused(served):
    """What a page of evil.test could do once its name was made to point at 127.0.0.1."""
    foreign = ["evil.test", "evil.test:7860", "localhost.evil.test", "10.0.0.1", "[::2]", "["]
    own = ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "127.8.8.8", "[::1]:7860"]
    for path, body in [("/", None), ("/health", None), ("/answer", {"question": PORT})]:
        for host in foreign:
            assert status(served.address + path, body, Host=host) == 421, host
        for host in own:
            assert status(served.address + path, body, Host=host) == 200, host


def test_a_proxy_has_a_name_of_its_own(index, tmp_path):
    names = ["--host-name", "Docs.example.org", "--host-name", "docs.test"]
    with chat(index, tmp_path, *names) as server:
        for host in ["docs.example.org", "docs.test:8080", "127.0.0.1"]:
            assert status(server.address + "/about", Host=host) == 200
        assert status(server.address + "/about", Host="example.org") == 421


def test_beyond_loopback_any_name_will_do(index, tmp_path):
    with chat(index, tmp_path, "--host", "0.0.0.0") as server:
        assert status(server.address + "/about", Host="docs.example.org") == 200


@pytest.mark.parametrize(
    "body",
    [
        {}, {"question": 1}, {"question": "x", "k": "3"}, {"question": "x", "k": True},
        {"question": "x", "strict": 1}, {"question": "x", "history": "x"},
        {"question": "x", "history": [{"role": "system", "content": "x"}]},
        {"question": "x", "answerer": ["x"]},
    ],
)  # fmt: skip
def test_an_answer_to_nonsense_is_a_clear_error(served, body):
    assert status(f"{served.address}/answer", body) == 400


def test_a_body_that_is_too_long_is_refused(served):
    with socket.create_connection(served.address.removeprefix("http://").split(":")) as raw:
        raw.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
        assert b" 413 " in raw.recv(100)


def test_only_answerers_that_were_started_can_be_chosen(served):
    request = urllib.request.Request(
        f"{served.address}/answer",
        json.dumps({"question": "x", "answerer": "/etc/passwd"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        last = json.loads(answer.read().splitlines()[-1])
    assert last["event"] == "error"
    assert "no answerer is called '/etc/passwd'" in last["message"]


def test_a_port_in_use_is_said(footnote, lantern):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = footnote("chat", "--port", port, "--index", lantern)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_that_is_missing_is_said_and_ends_the_server(footnote, lantern, tmp_path):
    done = footnote(
        "chat", "--generator", tmp_path / "no-model", "--index", lantern, "--port", free_port()
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("footnote: ")
    assert "no-model" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_answerers_of_one_name_are_said(footnote, lantern):
    both = ["--generator", "extractive", "--generator", "extractive"]
    done = footnote("chat", *both, "--index", lantern, "--port", free_port())
    assert done.returncode == 1
    assert "two answerers are called 'extractive'" in done.stderr.splitlines()[-1]


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /docs-chat/ {{
            proxy_pass {address}{path};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_http_version 1.1;
            proxy_read_timeout 300s;
        }}
    }}
}}
"""


@pytest.mark.parametrize("path", ["/", "/docs-chat/"], ids=["path taken off", "path left on"])
def test_behind_nginx(page, index, tmp_path, path):
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        missing("no nginx on this machine (Debian's package nginx-light)")
    (tmp_path / "users").write_text(users_line("ada", "x"))
    options = ["--root-path", "/docs-chat", "--auth", str(tmp_path / "users")]
    with chat(index, tmp_path, *options, "--host-name", "docs.test") as server:
        port = free_port()
        config = tmp_path / "nginx.conf"
        config.write_text(
            NGINX.format(folder=tmp_path, port=port, address=server.address, path=path)
        )
        proxy = subprocess.Popen([nginx, "-c", str(config), "-p", str(tmp_path), "-e", "stderr"])
        try:
            server.until_all()
            address = f"http://127.0.0.1:{port}/docs-chat/"
            assert status(f"{address}health", Host="docs.test") == 200
            assert status(f"{address}health", Host="evil.test") == 421
            page.goto(address)
            page.get_by_label("Name").fill("ada")
            page.get_by_label("Password").fill("x")
            page.keyboard.press("Enter")
            turn = answered(ask_more(page, PORT))
            expect(turn.locator(".answer")).to_contain_text("5580", timeout=PATIENCE)
            assert page.context.cookies()[0]["path"] == "/docs-chat"
            client = Client(address, auth=("ada", "x"), verbose=False)
            assert "5580" in client.predict(PORT, api_name="/ask")["answer"]
        finally:
            proxy.terminate()
            proxy.wait(timeout=10)
