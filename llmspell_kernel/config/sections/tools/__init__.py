"""`[tools]`, and a file for each of its tables."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from llmspell_kernel.config.sections.tools.archive import Archive
from llmspell_kernel.config.sections.tools.data import Data
from llmspell_kernel.config.sections.tools.database import Database
from llmspell_kernel.config.sections.tools.document import Document
from llmspell_kernel.config.sections.tools.email import Email
from llmspell_kernel.config.sections.tools.file_operations import FileOperations
from llmspell_kernel.config.sections.tools.http_request import HttpRequest
from llmspell_kernel.config.sections.tools.media import Media
from llmspell_kernel.config.sections.tools.network import Network
from llmspell_kernel.config.sections.tools.system import System
from llmspell_kernel.config.sections.tools.web_search import WebSearch
from llmspell_kernel.config.sections.tools.web_tools import WebTools

Approval = Literal["never", "privileged", "always"]


class Tools(Struct, frozen=True, forbid_unknown_fields=True):
    """What tools may do."""

    enabled: Annotated[bool, Meta(description="Whether there are any; otherwise `Tool` is nil.")] = True
    rate_limit_per_minute: Annotated[
        int, Meta(ge=0, description="Calls of tools within a minute; more are refused; 0 for any number.")
    ] = 0
    timeout_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that a call may take; of tools that are told how long to wait, that counts.",
        ),
    ] = 30.0
    max_memory_mb: Annotated[
        int,
        Meta(ge=16, description="Megabytes that a call in a worker process may take."),
    ] = 1024
    max_output_size: Annotated[
        int, Meta(ge=1024, description="Bytes that the answer of a tool may take, as JSON.")
    ] = 16_777_216
    approval: Annotated[
        Approval,
        Meta(
            description="Which calls the user is asked for: none; those of privileged tools, and of others "
            "those that write, start, send or change something; or all. They are refused where nobody can "
            "be asked."
        ),
    ] = "never"
    approval_tools: Annotated[
        list[str],
        Meta(description="Tools whose calls the user is asked for, whatever `approval` says."),
    ] = field(default_factory=list)
    audit_file: Annotated[
        str,
        Meta(description="Where each privileged act is noted, a JSON object a line; none if empty."),
    ] = ""
    http_request: Annotated[
        HttpRequest, Meta(description="Which hosts tools reach, and how much they exchange.")
    ] = field(default_factory=HttpRequest)
    network: Annotated[Network, Meta(description="Connections of every tool.")] = field(
        default_factory=Network
    )
    web_search: Annotated[WebSearch, Meta(description="Searching the web, and which sites may be read.")] = (
        field(default_factory=WebSearch)
    )
    web_tools: Annotated[WebTools, Meta(description="Tools that read pages.")] = field(
        default_factory=WebTools
    )
    email: Annotated[Email, Meta(description="The tool email-sender.")] = field(default_factory=Email)
    database: Annotated[Database, Meta(description="The tool database-connector.")] = field(
        default_factory=Database
    )
    file_operations: Annotated[FileOperations, Meta(description="Which files tools may use.")] = field(
        default_factory=FileOperations
    )
    system: Annotated[System, Meta(description="Which programs and variables tools may use.")] = field(
        default_factory=System
    )
    data: Annotated[Data, Meta(description="Tables, JSON and graphs.")] = field(default_factory=Data)
    document: Annotated[Document, Meta(description="The tool pdf-processor.")] = field(
        default_factory=Document
    )
    media: Annotated[Media, Meta(description="Pictures, audio and video.")] = field(default_factory=Media)
    archive: Annotated[Archive, Meta(description="How much is unpacked and packed.")] = field(
        default_factory=Archive
    )
