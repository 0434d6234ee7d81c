"""Who sends mail: an SMTP server, SendGrid, Amazon SES."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from llmspell_kernel.library.tool.builtin.web.fetching import Asked, Fetched, fetch
from llmspell_kernel.library.tool.contract import ToolFailedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Mail(NamedTuple):
    """A message, and to whom it goes."""

    message: EmailMessage
    sender: str
    recipients: list[str]


class Sent(NamedTuple):
    """What came of it. In `refused` are addresses that the server does not take."""

    message_id: str
    refused: list[str]


def by_smtp(tool: str, mail: Mail, tools: Surroundings) -> Sent:
    """Hands a mail to an SMTP server.

    Raises:
        ToolFailedError: it does not take it.
    """
    settings = tools.settings.tools.email.smtp
    environ = os.environ
    host = settings.host or environ.get("SMTP_HOST", "")
    if not host:
        raise ToolFailedError(
            "there is no SMTP server: set tools.email.smtp.host or SMTP_HOST", kind="setting"
        )
    given = environ.get("SMTP_PORT", "")
    port = settings.port or (int(given) if given.isdecimal() else _PORTS[settings.security])
    user = settings.username or environ.get("SMTP_USERNAME", "") or environ.get("SMTP_USER", "")
    password = settings.password or environ.get("SMTP_PASSWORD", "")
    try:
        opened = tools.network.connect(host, port, (host,))
        with tools.network.ending(opened.fileno()):
            return _handed(opened, host, user, password, mail, tools)
    except smtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(f"{name}: {_said(answer[1])}" for name, answer in error.recipients.items())
        raise ToolFailedError(f"the server refuses the recipients: {reasons}", kind="refused") from error
    except smtplib.SMTPAuthenticationError as error:
        # The server's text could repeat what was sent.
        raise ToolFailedError(
            f"{host} does not accept the login ({error.smtp_code})", kind="login"
        ) from error
    except smtplib.SMTPResponseException as error:
        raise ToolFailedError(
            f"{host} answered {error.smtp_code} {_said(error.smtp_error)}",
            kind="refused",
            code=error.smtp_code,
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        _ = tools.seconds_left  # raises if the connection was ended with the call
        raise ToolFailedError(f"{host}:{port}: {error}", kind="connection") from error


def _handed(
    opened: socket.socket, host: str, user: str, password: str, mail: Mail, tools: Surroundings
) -> Sent:
    settings = tools.settings.tools
    security = settings.email.smtp.security
    context = _context(settings.network.verify_ssl, settings.network.ca_file)
    opened.settimeout(min(settings.email.timeout_seconds, tools.seconds_left))
    if security == "tls":
        opened = context.wrap_socket(opened, server_hostname=host)
    with _Connected(opened, host) as server:
        server.ehlo()
        if security == "starttls":
            if not server.has_extn("starttls"):
                raise smtplib.SMTPException(
                    'it offers no encryption (STARTTLS); tools.email.smtp.security = "none" does without'
                )
            server.starttls(context=context)
            server.ehlo()
        if user:
            if security == "none":
                raise smtplib.SMTPException(
                    "no password is sent without encryption (tools.email.smtp.security)"
                )
            server.login(user, password)
        refused = server.send_message(mail.message, mail.sender, mail.recipients)
    return Sent("", sorted(refused))


class _Connected(smtplib.SMTP):
    """SMTP over a connection that was made by the guard."""

    def __init__(self, opened: socket.socket, host: str) -> None:
        self._opened = opened
        super().__init__(local_hostname="localhost")
        self._host = host  # the name in the server's certificate
        self.sock = opened
        code, said = self.getreply()
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, said)


def by_sendgrid(tool: str, mail: Mail, tools: Surroundings) -> Sent:
    """Hands a mail to SendGrid.

    Raises:
        ToolFailedError: it does not take it.
    """
    settings = tools.settings.tools.email
    key = settings.sendgrid.api_key or os.environ.get("SENDGRID_API_KEY", "")
    if not key:
        raise ToolFailedError(
            "SendGrid needs a key: set SENDGRID_API_KEY or tools.email.sendgrid.api_key", kind="setting"
        )
    asked = Asked(
        "POST",
        f"{settings.sendgrid.base_url.rstrip('/')}/v3/mail/send",
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        json.dumps(_sendgrid_body(mail)).encode(),
        {"Authorization"},
    )
    answer = fetch(tools, asked, seconds=settings.timeout_seconds)
    _check("SendGrid", answer, key)
    return Sent(answer.headers.get("x-message-id", ""), [])


def _sendgrid_body(mail: Mail) -> dict[str, Any]:
    message = mail.message
    shown = {
        name: [each.addr_spec for each in message[name].addresses] for name in ("To", "Cc") if message[name]
    }
    hidden = [each for each in mail.recipients if each not in shown["To"] + shown.get("Cc", [])]
    groups = {"to": shown["To"], "cc": shown.get("Cc", []), "bcc": hidden}
    sender = message["From"].addresses[0]
    body: dict[str, Any] = {
        "personalizations": [
            {name: [{"email": each} for each in group] for name, group in groups.items() if group}
        ],
        "from": {"email": sender.addr_spec, **({"name": sender.display_name} if sender.display_name else {})},
        "subject": str(message["Subject"]),
        "content": [
            {"type": part.get_content_type(), "value": part.get_content()}
            for kind in ("plain", "html")
            if (part := message.get_body((kind,))) is not None
        ],
    }
    if message["Reply-To"]:
        body["reply_to"] = {"email": message["Reply-To"].addresses[0].addr_spec}
    files = [
        {
            "content": base64.b64encode(_content(part)).decode(),
            "filename": part.get_filename(),
            "type": part.get_content_type(),
            "disposition": "attachment",
        }
        for part in message.iter_attachments()
    ]
    return {**body, "attachments": files} if files else body


def by_ses(tool: str, mail: Mail, tools: Surroundings) -> Sent:
    """Hands a mail to Amazon SES, by its HTTP interface of version 2.

    Raises:
        ToolFailedError: it does not take it.
    """
    settings, environ = tools.settings.tools.email.ses, os.environ
    name = settings.access_key_id or environ.get("AWS_ACCESS_KEY_ID", "")
    key = settings.secret_access_key or environ.get("AWS_SECRET_ACCESS_KEY", "")
    region = settings.region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    if not (name and key and region):
        raise ToolFailedError(
            "SES needs a key and a region: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or "
            "tools.email.ses",
            kind="setting",
        )
    base = settings.base_url.rstrip("/") or f"https://email.{region}.amazonaws.com"
    raw = base64.b64encode(mail.message.as_bytes()).decode()
    body = json.dumps(
        {
            "FromEmailAddress": mail.sender,
            "Destination": {"ToAddresses": mail.recipients},
            "Content": {"Raw": {"Data": raw}},
        }
    ).encode()
    url = f"{base}/v2/email/outbound-emails"
    token = "" if settings.access_key_id else environ.get("AWS_SESSION_TOKEN", "")
    headers = signed(url, body, Credentials(name, key, region, token), datetime.now(UTC))
    asked = Asked("POST", url, headers, body, {"Authorization", "X-Amz-Security-Token"})
    answer = fetch(tools, asked, seconds=tools.settings.tools.email.timeout_seconds)
    _check("SES", answer, key)
    found = answer.value()
    return Sent(str(found.get("MessageId", "")) if isinstance(found, dict) else "", [])


class Credentials(NamedTuple):
    """Who asks Amazon, and where."""

    name: str
    key: str
    region: str
    token: str = ""


def signed(
    url: str,
    body: bytes,
    who: Credentials,
    now: datetime,
    *,
    service: str = "ses",
    content_type: str = "application/json",
) -> dict[str, str]:
    """The headers of a POST request to Amazon, with its signature of version 4. The URL has no parameters."""
    parts = urlsplit(url)
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"content-type": content_type, "host": parts.netloc, "x-amz-date": moment}
    if who.token:
        headers["x-amz-security-token"] = who.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    asked = "\n".join(["POST", parts.path or "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{who.region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = f"AWS4{who.key}".encode()
    for each in (day, who.region, service, "aws4_request"):
        key = hmac.new(key, each.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    result = {
        "Content-Type": content_type,
        "X-Amz-Date": moment,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={who.name}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    }
    return {**result, "X-Amz-Security-Token": who.token} if who.token else result


def _check(who: str, answer: Fetched, key: str) -> None:
    if answer.status >= 300:
        said = " ".join(answer.text()[:500].split()).replace(key, "***")
        raise ToolFailedError(f"{who} answered {answer.status}: {said}", status_code=answer.status)


def _content(part: Any) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _said(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _context(verify: bool, ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


SENDERS: dict[str, Callable[[str, Mail, Surroundings], Sent]] = {
    "smtp": by_smtp,
    "sendgrid": by_sendgrid,
    "ses": by_ses,
}
"""Each by its name."""
