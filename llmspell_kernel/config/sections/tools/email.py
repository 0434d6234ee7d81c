"""`[tools.email]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class Smtp(Struct, frozen=True, forbid_unknown_fields=True):
    """The server that takes mail; what is empty is looked for in SMTP_HOST, SMTP_PORT and so on."""

    host: Annotated[str, Meta(description="Its name.")] = ""
    port: Annotated[int, Meta(ge=0, le=65535, description="Its port; 0 for the usual one.")] = 0
    username: Annotated[str, Meta(description="The user; empty for no login.")] = ""
    password: Annotated[
        str, Meta(description="The password. Better kept in SMTP_PASSWORD.", extra={"secret": True})
    ] = ""
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(
            description="`starttls` encrypts after a greeting (587), `tls` from the start (465), `none` "
            "not at all; no password is sent then."
        ),
    ] = "starttls"


class Sendgrid(Struct, frozen=True, forbid_unknown_fields=True):
    """Twilio SendGrid."""

    api_key: Annotated[
        str, Meta(description="The key; that of SENDGRID_API_KEY if empty.", extra={"secret": True})
    ] = ""
    base_url: Annotated[str, Meta(description="Where it is.")] = "https://api.sendgrid.com"


class Ses(Struct, frozen=True, forbid_unknown_fields=True):
    """Amazon SES; what is empty is looked for in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION."""

    access_key_id: Annotated[str, Meta(description="The key's name.")] = ""
    secret_access_key: Annotated[str, Meta(description="The key.", extra={"secret": True})] = ""
    region: Annotated[str, Meta(description="The region, such as eu-west-1.")] = ""
    base_url: Annotated[str, Meta(description="Where it is; the region's own address if empty.")] = ""


class Email(Struct, frozen=True, forbid_unknown_fields=True):
    """The tool email-sender."""

    provider: Annotated[
        Literal["smtp", "sendgrid", "ses"], Meta(description="Who sends, if a call does not say.")
    ] = "smtp"
    from_address: Annotated[
        str, Meta(description="The sender, if a call does not say; that of EMAIL_FROM if empty.")
    ] = ""
    allowed_recipients: Annotated[
        tuple[str, ...], Meta(description="The only addresses that get mail: `*@example.org`.")
    ] = ("*",)
    max_recipients: Annotated[int, Meta(ge=1, description="Addresses that one mail goes to.")] = 50
    max_size: Annotated[int, Meta(ge=1024, description="Bytes of a mail with its attachments.")] = 10_000_000
    timeout_seconds: Annotated[float, Meta(gt=0, description="Seconds that sending may take.")] = 30.0
    smtp: Annotated[Smtp, Meta(description="The server that takes mail.")] = field(default_factory=Smtp)
    sendgrid: Annotated[Sendgrid, Meta(description="Twilio SendGrid.")] = field(default_factory=Sendgrid)
    ses: Annotated[Ses, Meta(description="Amazon SES.")] = field(default_factory=Ses)
