"""The tools that come with the package, a file a family."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "archive-handler": "archives:ArchiveHandler",
    "audio-processor": "audio:AudioProcessor",
    "calculator": "calculator:Calculator",
    "citation-formatter": "citations:CitationFormatter",
    "file-converter": "conversion:FileConverter",
    "database-connector": "databases:DatabaseConnector",
    "datetime-handler": "dates:DatetimeHandler",
    "diff-calculator": "differences:DiffCalculator",
    "pdf-processor": "documents:PdfProcessor",
    "base64-encoder": "encoding:Base64Encoder",
    "hash-calculator": "encoding:HashCalculator",
    "file-operations": "files:FileOperations",
    "graphql-query": "graphql:GraphqlQuery",
    "graph-builder": "graphs:GraphBuilder",
    "uuid-generator": "identifiers:UuidGenerator",
    "image-processor": "images:ImageProcessor",
    "json-processor": "json_documents:JsonProcessor",
    "web-scraper": "pages:WebScraper",
    "webpage-monitor": "pages:WebpageMonitor",
    "api-tester": "requests:ApiTester",
    "http-requester": "requests:HttpRequester",
    "webhook-caller": "requests:WebhookCaller",
    "file-search": "searching:FileSearch",
    "service-checker": "services:ServiceChecker",
    "sitemap-crawler": "sitemaps:SitemapCrawler",
    "environment-reader": "system:EnvironmentReader",
    "process-executor": "system:ProcessExecutor",
    "system-monitor": "system:SystemMonitor",
    "csv-analyzer": "tables:CsvAnalyzer",
    "template-creator": "templates:TemplateCreator",
    "text-manipulator": "text:TextManipulator",
    "url-analyzer": "urls:UrlAnalyzer",
    "data-validator": "validation:DataValidator",
    "video-processor": "video:VideoProcessor",
    "file-watcher": "watching:FileWatcher",
}
"""Each tool and its class, as module:Class in this package, in order of the modules."""

ALIASES: dict[str, str] = {
    "template-engine": "template-creator",
    "data-validation": "data-validator",
    "http-request": "http-requester",
    "web-search": "web-searcher",
}
"""Other names; names with underscores for hyphens need not be listed."""
