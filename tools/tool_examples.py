"""What the pages of the tools show of an answer, and calls of tools that need a server or an account.

The documentation's tests execute all of it: they serve `SITE` and `SERVICES` and take mail, by `SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SITE_URL = "http://localhost:8000"
MAIL_PORT = 1025

SHOWS = {
    "archive-handler": "print(answer.result.files_added, answer.result.total_size)  --> 1 8",
    "audio-processor": (
        "local made = answer.result\n"
        "print(made.codec, made.sample_rate, made.channels, made.duration_seconds)  --> flac 8000 1 0.001"
    ),
    "base64-encoder": "print(answer.result.output)  --> SGVsbG8sIEx1YSE=",
    "calculator": "print(answer.result.result, answer.result.result_type)  --> 700 integer",
    "citation-formatter": (
        "print(answer.result.citations[1].text)\n"
        "--> (Ierusalimschy & de Figueiredo, 2011)\n"
        "print(answer.result.reference_list[1])\n"
        "--> Ierusalimschy, R., & de Figueiredo, L. H. (2011). Passing a Language through the Eye of a ..."
    ),
    "csv-analyzer": (
        "for _, column in ipairs(answer.result.columns) do\n"
        "  print(column.name, column.type, column.unique_count, column.mean)\n"
        "end\n"
        "--> name string 2 nil\n"
        "--> age integer 2 26.5"
    ),
    "data-validator": "print(answer.result.valid, #answer.result.errors)  --> true 0",
    "database-connector": "print(answer.result.results[1].answer, answer.result.row_count)  --> 42 1",
    "datetime-handler": "print(answer.result.result)  --> 2024-02-29T10:00:00+00:00",
    "diff-calculator": (
        "print(answer.result.diff)\n"
        "--> --- old\n--> +++ new\n--> @@ -1,2 +1,2 @@\n-->  one\n--> -two\n--> +three\n"
        "print(answer.result.stats.modified, answer.result.identical)  --> 1 false"
    ),
    "environment-reader": "print(answer.result.variable_name, answer.result.value)  --> HOME /...",
    "file-converter": (
        "print(answer.result.changed_lines)  --> 1\n"
        "local path = answer.result.output_path\n"
        'print(Tool.execute("file-operations", {operation = "read", path = path}).result.content)\n'
        "--> if true then\n-->   print('hello')\n--> end"
    ),
    "file-operations": "print(answer.result.content, answer.result.size)  --> Buy milk 8",
    "file-search": (
        "local match = answer.result.matches[1]\n"
        "print(match.line_number, match.column_number, match.line_content)  --> 2 4 -- TODO: say it in Lua\n"
        "print(answer.result.summary.total_matches)  --> 1"
    ),
    "file-watcher": "print(answer.result.pattern, answer.result.debounce_ms)  --> *.txt 100",
    "graph-builder": (
        "local found = answer.result\n"
        "print(found.node_count, found.edge_count, found.has_cycles)  --> 3 2 false\n"
        'print(table.concat(found.topological_order, " "), found.central_nodes[1].id)  --> a b c b'
    ),
    "hash-calculator": (
        "print(answer.result.hash)\n--> 798369a8bef8742a719872ab54e14291d77114a86cdf7c7d4e70dab9bf1ac82e"
    ),
    "image-processor": (
        "local made = answer.result\n"
        "print(made.original_width, made.width, made.height, made.format)  --> 1 64 64 png"
    ),
    "json-processor": "print(answer.result)  --> Ada",
    "pdf-processor": "print(answer.result.text, answer.result.page_count)  --> Hello, Lua! 1",
    "process-executor": "print(answer.result.exit_code, answer.result.stdout)  --> 0 Hello Lua",
    "service-checker": (
        "print(answer.result.available, answer.result.error)\n"
        "--> false localhost:1 cannot be reached: Connection refused"
    ),
    "system-monitor": "print(answer.result.formatted)  --> Memory: ... of ...",
    "template-creator": "print(answer.result.rendered)  --> Hello LUA! 1.one 2.two",
    "text-manipulator": "print(answer.result.result)  --> hello_big_world",
    "url-analyzer": (
        "local url = answer.result\n"
        "print(url.host, url.port, url.path)  --> www.example.org 8443 /a/b.html\n"
        'print(url.query_params.q, table.concat(url.query_params.tag, " "))  --> x y 1 2'
    ),
    "uuid-generator": "print(answer.result.uuid)  --> aad03681-8b63-5304-89e0-8ca8f49461b5",
    "video-processor": (
        "local made = answer.result\nprint(made.width, made.height, made.format)  --> 16 16 png"
    ),
}
"""Lua below the call of a tool's own example."""

SITE = {
    "page.html": (
        '<html lang="en"><title>Lua</title>\n'
        '<h1>Lua</h1> <p class="fact">Lua is 30 years old.</p>\n'
        '<a href="sitemap.xml">All pages</a></html>\n'
    ),
    "sitemap.xml": (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        "  <url><loc>http://localhost:8000/page.html</loc><lastmod>2024-02-29</lastmod></url>\n"
        "</urlset>\n"
    ),
}
"""Files that the calls ask for."""

SERVICES = {
    "hook": '{"taken": true}',
    "graphql": '{"data": {"language": {"name": "Lua", "year": 1993}}}',
}
"""What is answered, as JSON, to what is sent there."""

SETTINGS = f"""\
[tools.network]
allow_private = ["localhost"]

[tools.email]
from_address = "bob@example.org"

[tools.email.smtp]
host = "localhost"
port = {MAIL_PORT}
security = "none"
"""

_ALLOWED = '[tools.network]\nallow_private = ["localhost"]'
_MAIL = SETTINGS.partition("\n\n")[2].rstrip()


class Call(NamedTuple):
    """A call that needs a server or an account.

    Attributes:
        params: what it is called with.
        shows: Lua below it.
        files: those of `SITE` that it asks for.
        server: what has to be there, if that is no web server with these files.
        settings: what has to be set.
    """

    params: Mapping[str, Any]
    shows: str
    files: tuple[str, ...] = ()
    server: str = ""
    settings: str = _ALLOWED

    def preparation(self) -> str:
        """What the page says before the example."""
        parts = []
        if self.files:
            parts.append(
                "To try it, put this into a folder and run `python -m http.server 8000` there. Tools may "
                "connect to this machine if the settings say so:"
            )
        elif self.server:
            parts.append(self.server)
        if self.settings:
            parts.append(f"```toml\n{self.settings}\n```")
        for name in self.files:
            kind = name.rpartition(".")[2]
            parts += [f"`{name}`:", f"```{kind}\n{SITE[name]}```"]
        return "\n\n".join(parts)


def _service(name: str) -> str:
    return (
        f"Here a server at `{SITE_URL}/{name}` answers `{SERVICES[name]}`, as the test of this page has one. "
        "Tools may connect to this machine if the settings say so:"
    )


CALLS = {
    "api-tester": Call(
        {"input": f"{SITE_URL}/page.html", "expected_status": 200},
        "local response = answer.result.response\n"
        'print(response.status_code, response.headers["content-type"])  --> 200 text/html...\n'
        "print(answer.result.timing.duration_ms > 0)  --> true",
        ("page.html",),
    ),
    "email-sender": Call(
        {"to": "ann@example.org", "subject": "Hello", "body": "Hello from Lua!"},
        "print(answer.message)  --> sent to 1 by smtp\n"
        "print(answer.result.status, answer.result.recipients[1])  --> sent ann@example.org",
        server="A mail server for trials, which shows what it gets, is started by `pip install aiosmtpd` and "
        f"`python -m aiosmtpd -n -l localhost:{MAIL_PORT}`. The settings then are:",
        settings=f"{_ALLOWED}\n\n{_MAIL}",
    ),
    "graphql-query": Call(
        {
            "endpoint": f"{SITE_URL}/graphql",
            "input": "query Named($name: String!) { language(name: $name) { name year } }",
            "variables": {"name": "Lua"},
        },
        "print(answer.result.result.data.language.year)  --> 1993",
        server=_service("graphql"),
    ),
    "http-requester": Call(
        {"input": f"{SITE_URL}/page.html", "headers": {"Accept": "text/html"}},
        "print(answer.message)  --> GET http://localhost:...: 200 OK\n"
        'print(answer.result.status_code, answer.result.body:match("<h1>(.-)</h1>"))  --> 200 Lua',
        ("page.html",),
    ),
    "sitemap-crawler": Call(
        {"input": f"{SITE_URL}/sitemap.xml"},
        "local page = answer.result.urls[1]\n"
        "print(answer.result.urls_found, page.url)  --> 1 http://localhost:8000/page.html\n"
        "print(page.lastmod)  --> 2024-02-29",
        ("sitemap.xml",),
    ),
    "web-scraper": Call(
        {
            "input": f"{SITE_URL}/page.html",
            "selectors": {"fact": "p.fact"},
            "extract_links": True,
        },
        "print(answer.result.title, answer.result.selections.fact[1])  --> Lua Lua is 30 years old.\n"
        "print(answer.result.links[1].text)  --> All pages",
        ("page.html",),
    ),
    "web-searcher": Call(
        {"input": "Lua coroutines", "provider": "brave", "max_results": 3},
        "print(answer.success, answer.error.message)\n"
        "--> false brave needs a key: set BRAVE_API_KEY or tools.web_search.providers.brave.api_key",
        server="Without a key for the service that is asked for, the answer says what to do. With no "
        "`provider` those of the settings are asked until one answers; DuckDuckGo needs no key.",
        settings="",
    ),
    "webhook-caller": Call(
        {"input": f"{SITE_URL}/hook", "payload": {"event": "finished", "rows": 42}},
        "print(answer.result.status_code, answer.result.response.taken)  --> 200 true\n"
        "print(answer.result.retries_attempted)  --> 0",
        server=_service("hook"),
    ),
    "webpage-monitor": Call(
        {"input": f"{SITE_URL}/page.html", "selector": "p.fact", "previous_content": "Lua is 29 years old."},
        "local change = answer.result.changes[1]\n"
        "print(answer.result.has_changes, change.type)  --> true modified\n"
        "print(change.old, change.new)  --> Lua is 29 years old. Lua is 30 years old.",
        ("page.html",),
    ),
}
"""For tools whose class has no example, as none would succeed everywhere."""
