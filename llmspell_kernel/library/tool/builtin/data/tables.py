"""CSV and other tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec import field as member

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import missing, needed
from llmspell_kernel.library.tool.contract import Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.builtin.data.table_reading import Table
    from llmspell_kernel.library.tool.surroundings import Surroundings

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "xlsx"]


class Options(Struct, kw_only=True, forbid_unknown_fields=True):
    """How the table is read, and what single operations ask for."""

    delimiter: Annotated[str, Meta(description="Between cells; found out if not given.", max_length=1)] = ""
    encoding: Annotated[str, Meta(description="Of the file; found out if not given.", max_length=40)] = ""
    has_header: Annotated[bool, Meta(description="Whether the first row has the names of columns.")] = True
    extra_cells: Annotated[
        Literal["refuse", "drop"], Meta(description="Rows that have more cells than there are columns.")
    ] = "refuse"
    format: Annotated[
        Format | None,
        Meta(description="convert: to what. filter, transform: how the result is written; csv."),
    ] = None
    output_file: Annotated[str, Meta(description="A file for the result, of any number of rows.")] = ""
    filter: Annotated[
        str | dict[str, Any] | list[Any],
        Meta(description="filter: such as `age > 30 and city == 'Bonn'`, or {column, operator, value}s."),
    ] = ""
    rules: Annotated[
        dict[str, Any] | list[Any],
        Meta(description="validate: rules of data-validator by columns, or a list of them with `column`."),
    ] = member(default_factory=dict)
    size: Annotated[int, Meta(description="sample: how many rows.", ge=1)] = 10
    method: Annotated[Literal["random", "first", "systematic"], Meta(description="sample: which rows.")] = (
        "random"
    )
    seed: Annotated[int | None, Meta(description="sample: the same seed takes the same rows.")] = None
    add_columns: Annotated[
        dict[str, Any],
        Meta(description="transform: expressions such as `price * count` by new names, or other values."),
    ] = member(default_factory=dict)
    rename_columns: Annotated[dict[str, str], Meta(description="transform: new names by the old ones.")] = (
        member(default_factory=dict)
    )
    select_columns: Annotated[list[str], Meta(description="transform: the only ones to keep.")] = member(
        default_factory=list
    )
    drop_columns: Annotated[list[str], Meta(description="transform: those to leave out.")] = member(
        default_factory=list
    )
    sort_by: Annotated[str, Meta(description="transform: the column to sort by.")] = ""
    descending: Annotated[bool, Meta(description="transform: whether the largest comes first.")] = False


class CsvAnalyzer(Tool):
    """Analyses, converts, filters, transforms, samples and validates tables in CSV.

    Delimiter and encoding are found out. Expressions have column names, numbers, 'texts', `+ - * / %`,
    comparisons, `and or not in`, and the functions col, upper, lower, trim, length, concat, contains,
    starts_with, ends_with, round, abs, number, text, is_null, coalesce.
    """

    name, category, level = "csv-analyzer", "data", "safe"
    aliases = ("csv",)
    writes = ("options.output_file",)
    runs = "process"
    memory_limit = 2 * 1024 * 1024 * 1024
    time_limit = 120.0
    example: ClassVar[dict[str, Any]] = {"operation": "analyze", "input": "name,age\nAda,36\nBob,17\n"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["analyze", "convert", "filter", "transform", "sample", "validate"],
            Meta(description="What to do."),
        ] = "analyze"
        input: Annotated[
            str, Meta(description="CSV text, or the path of a file of it: one line without a delimiter.")
        ]
        options: Annotated[Options, Meta(description="How to read it, and what to do.")] = member(
            default_factory=Options
        )

    @operation("analyze")
    def analyze(self, given: Parameters, tools: Surroundings) -> object:
        """Types and statistics: {row_count, column_count, columns, sample, delimiter, encoding}."""
        with self._table(given, tools) as table:
            from llmspell_kernel.library.tool.builtin.data.table_statistics import describe

            columns, rows = describe(table)
            return {
                "row_count": rows,
                "column_count": len(columns),
                "columns": columns,
                "sample": table.records(table.frame.head(5)),
                "delimiter": table.delimiter,
                "encoding": table.encoding,
            }

    @operation("convert")
    def convert(self, given: Parameters, tools: Surroundings) -> object:
        """To `format`: {output, format, row_count, columns}; parquet and xlsx are base64 or go to a file."""
        if given.options.format is None:
            raise missing(self.name, "options.format", "json, jsonl, tsv, csv, parquet or xlsx")
        with self._table(given, tools) as table:
            return self._deliver(table, table.told(table.frame, given.options.format), given, tools)

    @operation("filter")
    def filter(self, given: Parameters, tools: Surroundings) -> object:
        """The rows that `filter` is true for: {output, format, row_count, total_rows, columns}."""
        if not given.options.filter:
            raise missing(self.name, "options.filter", "such as `age > 30`")
        with self._table(given, tools) as table:
            from llmspell_kernel.library.tool.builtin.data.column_expressions import condition

            rows = table.told(
                table.frame.filter(condition(given.options.filter, table)), given.options.format
            )
            answer = self._deliver(table, rows, given, tools)
            return {**answer, "total_rows": table.row_count()}

    @operation("transform")
    def transform(self, given: Parameters, tools: Surroundings) -> object:
        """Columns added, renamed, left out, sorted: {output, format, row_count, columns}."""
        options = given.options
        with self._table(given, tools) as table:
            import polars

            from llmspell_kernel.library.tool.builtin.data.column_expressions import column, value

            frame = table.frame
            if options.sort_by:
                frame = frame.sort(
                    column(options.sort_by, table), descending=options.descending, nulls_last=True
                )
            added = [value(each, table).alias(name) for name, each in options.add_columns.items()]
            frame = frame.with_columns(added)
            frame = table.told(frame, options.format, set(options.add_columns))
            names = [*table.names, *(name for name in options.add_columns if name not in table.names)]
            for name in [*options.rename_columns, *options.select_columns, *options.drop_columns]:
                table.check(name, names)
            kept = options.select_columns or names
            frame = frame.select(polars.col(name) for name in kept if name not in options.drop_columns)
            frame = frame.rename(options.rename_columns, strict=False)
            return self._deliver(table, frame, given, tools)

    @operation("sample")
    def sample(self, given: Parameters, tools: Surroundings) -> object:
        """Some rows in their order: {rows, size, total_rows, columns}."""
        import random

        with self._table(given, tools) as table:
            import polars

            total = table.row_count()
            size = min(given.options.size, total, tools.settings.tools.data.max_csv_rows)
            if given.options.method == "random":
                chosen = sorted(random.Random(given.options.seed).sample(range(total), size))
            elif given.options.method == "first":
                chosen = list(range(size))
            else:
                chosen = [at * total // size for at in range(size)] if size else []
            frame = (
                table.frame.with_row_index("\0row").filter(polars.col("\0row").is_in(chosen)).drop("\0row")
            )
            rows = table.records(frame)
            return {"rows": rows, "size": len(rows), "total_rows": total, "columns": table.names}

    @operation("validate")
    def validate(self, given: Parameters, tools: Surroundings) -> object:
        """Rows of other lengths and broken `rules`: {valid, row_count, error_count, errors: [{row, ...}]}."""
        from llmspell_kernel.library.tool.builtin.data.table_checking import check
        from llmspell_kernel.library.tool.builtin.utility.rules import RuleError

        with self._table(given, tools, ragged=True) as table:
            try:
                return check(table, given.options.rules)
            except RuleError as error:
                raise ParameterError(self.name, [f"options.rules: {error}"]) from error

    @contextmanager
    def _table(self, given: Parameters, tools: Surroundings, *, ragged: bool = False) -> Iterator[Table]:
        with needed(self.name, "polars"):
            import polars

        from llmspell_kernel.library.tool.builtin.data.table_reading import opened

        try:
            with opened(self.name, given.input, given.options, tools) as table:
                if not ragged and given.options.extra_cells == "refuse":
                    table.refuse_extra_cells()
                yield table
        except polars.exceptions.PolarsError as error:
            raise ToolError(
                f"{self.name}: the table cannot be worked on: {str(error).partition(chr(10))[0]}"
            ) from error

    def _deliver(self, table: Table, frame: Any, given: Parameters, tools: Surroundings) -> dict[str, Any]:
        from llmspell_kernel.library.tool.builtin.data.table_writing import as_text, to_file

        form = given.options.format or "csv"
        names = frame.collect_schema().names()
        if path := given.options.output_file:
            rows, written = to_file(frame, form, path, tools)
            return {"output_file": written, "format": form, "row_count": rows, "columns": names}
        limit = tools.settings.tools.data.max_csv_rows
        data = frame.head(limit + 1).collect(engine="streaming")
        if data.height > limit:
            raise ParameterError(
                self.name,
                [
                    f"the result has more than {limit:,} rows, the most that is answered at once "
                    "(tools.data.max_csv_rows): name a file for it (options.output_file)"
                ],
            )
        return {"output": as_text(data, form), "format": form, "row_count": data.height, "columns": names}
