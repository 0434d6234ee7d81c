"""Documents in PDF."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import MissingExtraError, ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from pypdf import PdfReader

    from llmspell_kernel.library.tool.surroundings import Surroundings


_HELLO = (
    b"%PDF-1.4\n"
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>\n"
    b"endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>\n"
    b"endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R"
    b"/Resources<</Font<</F 5 0 R>>>>>>\n"
    b"endobj\n"
    b"4 0 obj<</Length 37>>\n"
    b"stream\n"
    b"BT/F 12 Tf 20 50 Td(Hello, Lua!)Tj ET\n"
    b"endstream\n"
    b"endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\n"
    b"endobj\n"
    b"xref\n"
    b"0 6\n"
    b"0000000000 65535 f \n"
    b"0000000009 00000 n \n"
    b"0000000053 00000 n \n"
    b"0000000103 00000 n \n"
    b"0000000213 00000 n \n"
    b"0000000297 00000 n \n"
    b"trailer<</Root 1 0 R/Size 6>>\n"
    b"startxref\n"
    b"359\n"
    b"%%EOF\n"
)
"""A page that says hello."""


class PdfProcessor(Tool):
    """Reads text and metadata of PDF documents.

    Scanned pages have no text; they are counted in `empty_pages`.
    """

    name, category, level = "pdf-processor", "data", "restricted"
    libraries = ("pypdf",)
    aliases = ("pdf",)
    runs = "process"
    example: ClassVar[dict[str, Any]] = {"input": f"{EXAMPLE_FOLDER}/hello.pdf"}
    example_files: ClassVar[dict[str, bytes]] = {"hello.pdf": _HELLO}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["extract_text", "extract_metadata", "extract_pages"], Meta(description="What to do.")
        ] = "extract_text"
        input: Annotated[str, Meta(description="The path of the document.")]
        start_page: Annotated[int, Meta(description="The first page to read, from 1.", ge=1)] = 1
        end_page: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="The last page to read.")] = (
            None
        )
        password: Annotated[str, Meta(description="Of an encrypted document.")] = ""

    @operation("extract_text")
    def extract_text(self, given: Parameters, tools: Surroundings) -> object:
        """The text of the pages: {text, page_count, pages_read, empty_pages}."""
        with self._document(given, tools) as document:
            texts = list(self._texts(document, given, tools))
            return {
                "text": "\n\n".join(text for _, text in texts if text),
                "page_count": len(document.pages),
                "pages_read": len(texts),
                "empty_pages": sum(not text.strip() for _, text in texts),
            }

    @operation("extract_pages")
    def extract_pages(self, given: Parameters, tools: Surroundings) -> object:
        """The text page by page: {pages: [{page, text}], page_count}."""
        with self._document(given, tools) as document:
            pages = [{"page": number, "text": text} for number, text in self._texts(document, given, tools)]
            return {"pages": pages, "page_count": len(document.pages)}

    @operation("extract_metadata")
    def extract_metadata(self, given: Parameters, tools: Surroundings) -> object:
        """{metadata: {title, author, ...}, page_count, pdf_version, encrypted, page_size, file_size}."""
        with self._document(given, tools) as document:
            about: Mapping[str, Any] = document.metadata or {}
            metadata: dict[str, Any] = {
                str(key).removeprefix("/").lower(): str(value)[:10_000] for key, value in about.items()
            }
            for name in ("creation_date", "modification_date"):
                try:
                    found = getattr(document.metadata, name, None)
                except (ValueError, TypeError):
                    # A date that is none.
                    found = None
                if found is not None:
                    metadata[name] = found.isoformat()
            first = document.pages[0].mediabox if len(document.pages) else None
            size = {"width": float(first.width), "height": float(first.height)} if first is not None else None
            stream = document.stream
            return {
                "metadata": metadata,
                "page_count": len(document.pages),
                "pdf_version": document.pdf_header.removeprefix("%PDF-"),
                "encrypted": document.is_encrypted,
                "page_size": size,
                "file_size": stream.seek(0, io.SEEK_END),
            }

    def _texts(
        self, document: PdfReader, given: Parameters, tools: Surroundings
    ) -> Iterator[tuple[int, str]]:
        count, limit = len(document.pages), tools.settings.tools.document.max_pages
        if given.start_page > max(count, 1):
            raise ParameterError(
                self.name, [f"start_page is {given.start_page}, and the document has {count} pages"]
            )
        last = min(given.end_page or count, count)
        if last - given.start_page + 1 > limit:
            raise ParameterError(
                self.name,
                [f"{last - given.start_page + 1:,} pages are more than {limit:,} (tools.document.max_pages): "
                 "set start_page and end_page"],
            )  # fmt: skip
        for number in range(given.start_page, last + 1):
            _ = tools.seconds_left
            yield number, document.pages[number - 1].extract_text().encode("utf-8", "replace").decode()

    @contextmanager
    def _document(self, given: Parameters, tools: Surroundings) -> Iterator[PdfReader]:
        with needed(self.name, "pypdf"):
            import pypdf
            from pypdf.errors import DependencyError, PyPdfError
        # It tells of each thing that it sets right.
        logging.getLogger("pypdf").setLevel(logging.CRITICAL)
        with tools.files.open(given.input, tools.settings.tools.document.max_file_size) as stream:
            try:
                document = pypdf.PdfReader(stream, strict=False)
                if document.is_encrypted and not document.decrypt(given.password):
                    what = (
                        "the password is wrong" if given.password else "it is encrypted: give its `password`"
                    )
                    raise ToolError(f"{self.name}: {given.input}: {what}")
                yield document
            except DependencyError as error:
                raise MissingExtraError.of(self.name, "cryptography", "tools") from error
            except NotImplementedError as error:
                raise ToolError(f"{self.name}: {given.input} has what is not supported: {error}") from error
            except PyPdfError as error:
                raise ToolError(f"{self.name}: {given.input} is damaged, or no PDF: {error}") from error
            except RecursionError as error:
                raise ToolError(f"{self.name}: {given.input} is nested too deeply") from error
            # Damaged documents make the library stumble in many ways.
            except (
                AttributeError,
                KeyError,
                IndexError,
                TypeError,
                ValueError,
                AssertionError,
                OSError,
            ) as error:
                raise ToolError(
                    f"{self.name}: {given.input} is damaged: {type(error).__name__}: {error}"
                ) from error
