"""The tool that sends mail."""

from __future__ import annotations

import mimetypes
import os
import re
from email.message import EmailMessage
from email.utils import formatdate, getaddresses, make_msgid
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.support import as_bytes
from llmspell_kernel.library.tool.builtin.web import mail_services
from llmspell_kernel.library.tool.contract import Answer, Tool

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,253}\Z")

_LONGEST = 10_000
"""Characters of a list of addresses."""

Addresses = str | list[str]


class Attachment(Struct, kw_only=True, forbid_unknown_fields=True):
    """A file that goes with a mail."""

    path: Annotated[str, Meta(description="The file, in a folder that tools may use.")] = ""
    content: Annotated[Any, Meta(description="Its content, in place of a path.")] = ""
    filename: Annotated[str, Meta(description="Its name in the mail.")] = ""
    content_type: Annotated[str, Meta(description="Its type; by its name if not given.")] = ""


class EmailSender(Tool):
    """Sends a mail, by SMTP, SendGrid or Amazon SES.

    Servers, keys and passwords come from the settings (tools.email) or the environment, never from the call.
    The result is {provider, status, message_id, recipients, refused, from, subject, size}.
    """

    name, category, level = "email-sender", "api", "restricted"
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
        """What it takes."""

        to: Annotated[Addresses, Meta(description="Who gets it: addresses, with commas or as a list.")]
        subject: Annotated[str, Meta(description="What it is about.")]
        body: Annotated[str, Meta(description="The text, or HTML if `html` is true.")]
        from_: Annotated[str, Meta(description="Who sends it; the setting's if not given.")] = ""
        html: Annotated[bool, Meta(description="Whether `body` is HTML.")] = False
        text: Annotated[str, Meta(description="The same as text, for those who do not read HTML.")] = ""
        cc: Annotated[Addresses, Meta(description="Who gets a copy.")] = ""
        bcc: Annotated[Addresses, Meta(description="Who gets a copy of which the others do not know.")] = ""
        reply_to: Annotated[str, Meta(description="Where answers go.")] = ""
        attachments: Annotated[list[Attachment], Meta(description="Files that go with it.")] = []
        provider: Annotated[
            Literal["smtp", "sendgrid", "ses"] | None,
            Meta(description="Who sends; the setting's if not given."),
        ] = None

    @classmethod
    def acts(cls, given: Any) -> bool:
        """Every call: it sends a mail."""
        return True

    @classmethod
    def limit(cls, given: Any) -> float:
        """What tools.email.timeout_seconds says counts."""
        return 300.0

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{provider, status, message_id, recipients, from, subject, size}."""
        settings = tools.settings.tools.email
        provider = given.provider or settings.provider
        sender = given.from_ or settings.from_address or os.environ.get("EMAIL_FROM", "")
        if not sender:
            raise ParameterError(
                self.name, ["from is missing: give it, or set tools.email.from_address or EMAIL_FROM"]
            )
        message, recipients = self._message(given, sender, tools)
        size = len(message.as_bytes())
        if size > settings.max_size:
            raise ParameterError(
                self.name,
                [f"the mail has {size:,} bytes, more than the {settings.max_size:,} of tools.email.max_size"],
            )
        tools.audit("email.send", provider=provider, recipients=recipients)
        envelope = _bare(self.name, "from", sender)[0]
        mail = mail_services.Mail(message, envelope, recipients)
        sent = mail_services.SENDERS[provider](self.name, mail, tools)
        return Answer(
            {
                "provider": provider,
                "status": "sent" if not sent.refused else "partially sent",
                "message_id": sent.message_id or str(message["Message-ID"]),
                "recipients": [each for each in recipients if each not in sent.refused],
                "refused": sent.refused,
                "from": envelope,
                "subject": given.subject,
                "size": size,
            },
            f"sent to {len(recipients) - len(sent.refused)} by {provider}",
        )

    def _message(self, given: Parameters, sender: str, tools: Surroundings) -> tuple[EmailMessage, list[str]]:
        settings = tools.settings.tools.email
        lines = {"subject": given.subject, "from": sender, "reply_to": given.reply_to}
        for name, value in lines.items():
            if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                raise ParameterError(self.name, [f"{name} must be one line"])
        to, cc, bcc = (
            _bare(self.name, name, value)
            for name, value in (("to", given.to), ("cc", given.cc), ("bcc", given.bcc))
        )
        recipients = list(dict.fromkeys([*to, *cc, *bcc]))
        if not to:
            raise ParameterError(self.name, ["to must name at least one address"])
        if len(recipients) > settings.max_recipients:
            raise ParameterError(
                self.name,
                [
                    f"{len(recipients)} addresses are more than the {settings.max_recipients} of "
                    "tools.email.max_recipients"
                ],
            )
        for each in recipients:
            if not any(fnmatchcase(each.lower(), pattern.lower()) for pattern in settings.allowed_recipients):
                raise NotAllowedError(
                    f"{self.name} must not send to {each}: the setting tools.email.allowed_recipients"
                )
        message = EmailMessage()
        message["Subject"], message["From"] = given.subject, sender
        message["To"] = ", ".join(to)
        if cc:
            message["Cc"] = ", ".join(cc)
        if given.reply_to:
            message["Reply-To"] = ", ".join(_bare(self.name, "reply_to", given.reply_to))
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = make_msgid(domain=_bare(self.name, "from", sender)[0].rpartition("@")[2])
        if given.html:
            message.set_content(given.text or _as_text(given.body))
            message.add_alternative(given.body, subtype="html")
        else:
            message.set_content(given.body)
        for each_file in given.attachments:
            self._attach(message, each_file, tools)
        return message, recipients

    def _attach(self, message: EmailMessage, given: Attachment, tools: Surroundings) -> None:
        name = given.filename or os.path.basename(given.path)
        if not name or re.search(r"[\x00-\x1f\x7f/\\]", name):
            raise ParameterError(
                self.name, ["an attachment needs a filename, without slashes or line breaks"]
            )
        if given.path:
            data = tools.files.read_bytes(given.path, tools.settings.tools.email.max_size)
        else:
            data = as_bytes(self.name, "content", given.content)
        kind = given.content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind):
            raise ParameterError(self.name, [f"{kind!r} is no content_type such as text/plain"])
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)


def _bare(tool: str, name: str, given: Addresses) -> list[str]:
    """The addresses in what may have names in it: Ann <ann@example.org>.

    Raises:
        ParameterError: one is none.
    """
    texts = [given] if isinstance(given, str) else given
    found = []
    for text in texts:
        if not text.strip():
            continue
        for _, address in getaddresses([text[: _LONGEST + 1]]):
            if len(text) > _LONGEST or re.search(r"[\x00-\x1f\x7f]", text) or not _ADDRESS.match(address):
                raise ParameterError(tool, [f"{name}: {text[:100]!r} is no address such as ann@example.org"])
            found.append(address)
    return found


def _as_text(html: str) -> str:
    """What to read of HTML if one cannot show it."""
    import html as entities

    text = _without("script", _without("style", html))
    text = re.sub(r"(?i)<br\s*/?>|</(p|div|li|tr|h[1-6])>", "\n", text)
    text = entities.unescape(re.sub(r"<[^<>]*>", "", text))
    return "\n".join(" ".join(line.split()) for line in text.splitlines()).strip() + "\n"


def _without(tag: str, html: str) -> str:
    """The document without these elements."""
    lower, kept, start = html.lower(), list[str](), 0
    while (found := lower.find(f"<{tag}", start)) >= 0:
        kept.append(html[start:found])
        start = lower.find(f"</{tag}", found)
        if start < 0:
            return "".join(kept)
    return "".join([*kept, html[start:]])
