"""The tool that sends mail: a real SMTP server, and servers that speak as SendGrid and SES do."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.web.email_sender import EmailSender
from llmspell_kernel.library.tool.builtin.web.mail_services import Credentials, signed
from llmspell_kernel.library.tool.contract import ToolFailedError
from tests.library.tool.web import World, call, certificate, server_context, serving, world

MAIL = {
    "to": "ann@example.org",
    "subject": "Größe",
    "body": "Hello,\nworld ✓\n",
    "from": "Bob <bob@example.org>",
}


class Inbox:
    """What the server has been given; it takes nothing for nobody@."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def message(self) -> EmailMessage:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        found = message_from_bytes(content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


StartServer = Callable[..., tuple[Inbox, int]]


@pytest.fixture
def start() -> Iterator[StartServer]:
    controllers: list[Controller] = []

    def start(**options: Any) -> tuple[Inbox, int]:
        inbox = Inbox()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        controllers.append(controller)
        return inbox, port

    yield start
    for each in controllers:
        each.stop()


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP_HOST", "SMTP_PASSWORD", "SENDGRID_API_KEY", "AWS_ACCESS_KEY_ID", "EMAIL_FROM"):
        monkeypatch.delenv(name, raising=False)


def around(port: int, security: str = "none", **more: Any) -> World:
    tools = more.pop("tools", {})
    smtp = {"host": "localhost", "port": port, "security": security, **more.pop("smtp", {})}
    return world("email-sender", {"email": {"smtp": smtp, **more}, **tools}, private=())


def test_smtp_takes_a_mail(start: StartServer) -> None:
    inbox, port = start()
    there = around(port)
    found = call(EmailSender, {**MAIL, "cc": ["Cid <cid@example.org>"], "bcc": "dan@example.org"}, there)
    assert (found["provider"], found["status"]) == ("smtp", "sent")
    assert found["recipients"] == ["ann@example.org", "cid@example.org", "dan@example.org"]
    message = inbox.message()
    assert inbox.envelopes[0].mail_from == "bob@example.org"
    assert inbox.envelopes[0].rcpt_tos == found["recipients"]
    assert (message["Subject"], message["From"], message["Bcc"]) == ("Größe", "Bob <bob@example.org>", None)
    assert message["Message-ID"] == found["message_id"]
    assert message.get_content().splitlines() == ["Hello,", "world ✓"]
    acts = [act for act, _ in there.acts]
    assert "email.send" in acts and "network.connect" in acts


def test_html_and_attachments(start: StartServer, tmp_path: Path) -> None:
    inbox, port = start()
    (tmp_path / "report.csv").write_bytes(b"a,b\n1,2\n")
    there = around(port, tools={"file_operations": {"allowed_paths": [str(tmp_path)]}})
    call(
        EmailSender,
        {
            **MAIL,
            "html": True,
            "body": "<style>p {}</style><p>Hello &amp; <b>welcome</b></p><SCRIPT>no",
            "attachments": [
                {"path": str(tmp_path / "report.csv")},
                {"content": b"\x00\xff", "filename": "a.bin"},
            ],
        },
        there,
    )
    message = inbox.message()
    html, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None and "<b>welcome</b>" in html.get_content()
    assert plain is not None and plain.get_content().strip() == "Hello & welcome"
    files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert files == {"report.csv": b"a,b\n1,2\n", "a.bin": b"\x00\xff"}
    with pytest.raises(NotAllowedError):
        call(EmailSender, {**MAIL, "attachments": [{"path": "/etc/passwd"}]}, there)


def test_starttls_and_login(start: StartServer, tmp_path: Path) -> None:
    paths = certificate(tmp_path)

    def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=given.password == b"hush", handled=False)

    inbox, port = start(tls_context=server_context(paths), require_starttls=True, authenticator=login)
    trust = {"network": {"ca_file": str(paths[0])}}
    smtp = {"username": "bob", "password": "hush"}
    call(EmailSender, MAIL, around(port, "starttls", smtp=smtp, tools=trust))
    assert inbox.encrypted == [True]
    with pytest.raises(ToolFailedError, match="does not accept the login") as failed:
        wrong = {"username": "bob", "password": "nonsense"}
        call(EmailSender, MAIL, around(port, "starttls", smtp=wrong, tools=trust))
    assert "nonsense" not in str(failed.value)
    with pytest.raises(ToolFailedError, match="certificate"):
        call(EmailSender, MAIL, around(port, "starttls", smtp=smtp))
    assert len(inbox.envelopes) == 1


def test_a_password_is_not_sent_in_the_open(start: StartServer) -> None:
    inbox, port = start()
    with pytest.raises(ToolFailedError, match="offers no encryption"):
        call(EmailSender, MAIL, around(port, "starttls"))
    with pytest.raises(ToolFailedError, match="no password is sent"):
        call(EmailSender, MAIL, around(port, smtp={"username": "bob", "password": "hush"}))
    assert not inbox.envelopes


def test_recipients_that_the_server_refuses(start: StartServer) -> None:
    _, port = start()
    found = call(EmailSender, {**MAIL, "to": "ann@example.org, nobody@example.org"}, around(port))
    assert (found["status"], found["refused"]) == ("partially sent", ["nobody@example.org"])
    with pytest.raises(ToolFailedError, match="no such user"):
        call(EmailSender, {**MAIL, "to": "nobody@example.org"}, around(port))


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hello\r\nBcc: eve@example.org"},
        {"from": "bob@example.org\nX: y"},
        {"reply_to": "a\r\nb@example.org"},
        {"to": "ann@example.org\r\nRCPT TO:<eve@example.org>"},
        {"to": "nonsense"},
        {"to": ""},
        {"to": []},
        {"cc": "ann@ example.org>"},
        {"attachments": [{"content": "x", "filename": "a\r\nb"}]},
        {"attachments": [{"content": "x", "filename": "a.txt", "content_type": "text/plain\r\nX: y"}]},
        {"from": ""},
    ],
)
def test_no_header_can_be_smuggled_in(start: StartServer, wrong: dict[str, Any]) -> None:
    inbox, port = start()
    with pytest.raises(ParameterError):
        call(EmailSender, {**MAIL, **wrong}, around(port))
    assert not inbox.envelopes


def test_recipients_and_sizes_are_limited(start: StartServer) -> None:
    inbox, port = start()
    with pytest.raises(NotAllowedError, match="allowed_recipients"):
        call(EmailSender, MAIL, around(port, allowed_recipients=["*@corp.example"]))
    with pytest.raises(ParameterError, match="max_recipients"):
        call(EmailSender, {**MAIL, "cc": "b@example.org"}, around(port, max_recipients=1))
    with pytest.raises(ParameterError, match="max_size"):
        call(EmailSender, {**MAIL, "body": "x" * 2000}, around(port, max_size=1024))
    with pytest.raises(ToolFailedError, match="SMTP_HOST"):
        call(EmailSender, MAIL, world("email-sender"))
    assert not inbox.envelopes


def test_sendgrid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.secret")
    with serving({"/v3/mail/send": (202, {"X-Message-Id": "m1"}, "")}) as site:
        there = world("email-sender", {"email": {"provider": "sendgrid", "sendgrid": {"base_url": site.url}}})
        given = {**MAIL, "bcc": "eve@example.org", "attachments": [{"content": "x", "filename": "a.txt"}]}
        found = call(EmailSender, given, there)
        assert (found["message_id"], found["status"]) == ("m1", "sent")
        request = site.requests[0]
        body = json.loads(request.body)
        assert request.headers["authorization"] == "Bearer SG.secret"
        assert body["personalizations"] == [
            {"to": [{"email": "ann@example.org"}], "bcc": [{"email": "eve@example.org"}]}
        ]
        assert body["from"] == {"email": "bob@example.org", "name": "Bob"}
        assert (body["subject"], body["content"][0]["value"]) == ("Größe", MAIL["body"])
        assert base64.b64decode(body["attachments"][0]["content"]) == b"x"
        site.pages["/v3/mail/send"] = (401, {}, '{"errors": ["bad key SG.secret"]}')
        with pytest.raises(ToolFailedError, match="401") as failed:
            call(EmailSender, MAIL, there)
        assert "SG.secret" not in str(failed.value)
        assert "SG.secret" not in json.dumps(there.acts)


def test_ses() -> None:
    answer = (200, {"Content-Type": "application/json"}, '{"MessageId": "0100"}')
    with serving({"/v2/email/outbound-emails": answer}) as site:
        ses = {
            "access_key_id": "AKID",
            "secret_access_key": "hush",
            "region": "eu-west-1",
            "base_url": site.url,
        }
        found = call(EmailSender, MAIL, world("email-sender", {"email": {"provider": "ses", "ses": ses}}))
        assert found["message_id"] == "0100"
        request = site.requests[0]
        sent = json.loads(request.body)
        assert sent["Destination"] == {"ToAddresses": ["ann@example.org"]}
        assert b"bob@example.org" in base64.b64decode(sent["Content"]["Raw"]["Data"])
        # The server makes the same signature of what it has got.
        now = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        again = signed(site.url + request.path, request.body, Credentials("AKID", "hush", "eu-west-1"), now)
        assert again["Authorization"] == request.headers["authorization"]


def test_the_signature_is_amazons() -> None:
    # "post-x-www-form-urlencoded" of the test suite that Amazon has published for signatures of version 4.
    who = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1")
    made = signed(
        "https://example.amazonaws.com/",
        b"Param1=value1",
        who,
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        service="service",
        content_type="application/x-www-form-urlencoded",
    )
    assert made["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )
