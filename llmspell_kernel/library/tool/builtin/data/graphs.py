"""Graphs of nodes and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import QUICK, limited, needed, wrong
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_ANALYSED = 2000
"""Nodes up to which what takes more than linear time is computed."""

_Graph = dict[str, Any]
_PARTS = frozenset({"nodes", "edges", "links", "graph_type", "type", "directed"})
_EMPTY: _Graph = {"graph_type": "directed", "nodes": [], "edges": []}


class GraphBuilder(Tool):
    """Builds graphs and tells what they are like: connections, cycles, distances, the most important nodes.

    A graph is {graph_type, nodes = {{id, label, data}}, edges = {{from, to, weight, label, data}}}; each
    operation takes it as `graph` (or as `input`, also in JSON) and answers it, changed.
    """

    name, category, level = "graph-builder", "data", "safe"
    example: ClassVar[dict[str, Any]] = {
        "operation": "analyze",
        "graph": {
            "graph_type": "directed",
            "nodes": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
            "edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
        },
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
        """What it takes."""

        operation: Annotated[
            Literal["create_graph", "add_node", "add_edge", "analyze", "export_json", "import_json"],
            Meta(description="What to do."),
        ] = "create_graph"
        graph: Annotated[Any, Meta(description="The graph; a new one if not given.")] = None
        input: Annotated[Any, Meta(description="The same as `graph`; for import_json also JSON of it.")] = (
            None
        )
        graph_type: Annotated[
            Literal["directed", "undirected"] | None, Meta(description="Of a new graph; directed.")
        ] = None
        node_id: Annotated[str | int | None, Meta(description="add_node: its id.")] = None
        from_: Annotated[str | int | None, Meta(description="add_edge: the node it leaves.")] = None
        to: Annotated[str | int | None, Meta(description="add_edge: the node it reaches.")] = None
        data: Annotated[Any, Meta(description="add_node, add_edge: any value to keep with it.")] = None
        label: Annotated[str | None, Meta(description="add_node, add_edge: its name.")] = None
        weight: Annotated[float | None, Meta(description="add_edge: such as its length; 1.")] = None

    @classmethod
    def place(cls, given: Any) -> Place:
        """Big graphs are worked on in another process, and so are all that are analysed."""
        text = given.input if isinstance(given.input, str) else given.graph
        big = isinstance(text, str) and len(text) > QUICK
        return "process" if given.operation == "analyze" or big else "here"

    @operation("create_graph")
    def create_graph(self, given: Parameters, tools: Surroundings) -> object:
        """An empty graph of `graph_type`, or the given one, checked."""
        graph = self._graph(given, tools)
        if given.graph_type:
            graph["graph_type"] = given.graph_type
        return graph

    @operation("add_node", needs=("node_id",))
    def add_node(self, given: Parameters, tools: Surroundings) -> object:
        """The graph with a node `node_id`; one that is there gets the new data and label."""
        graph = self._graph(given, tools)
        node_id = _id(given.node_id)
        node = next((each for each in graph["nodes"] if each["id"] == node_id), None)
        if node is None:
            node = {"id": node_id}
            graph["nodes"].append(node)
            self._check_size(graph, tools)
        node |= {
            name: value for name, value in (("label", given.label), ("data", given.data)) if value is not None
        }
        return graph

    @operation("add_edge", needs=("from", "to"))
    def add_edge(self, given: Parameters, tools: Surroundings) -> object:
        """The graph with an edge `from` one node `to` another, both of which must be there."""
        graph = self._graph(given, tools)
        ends = {"from": _id(given.from_), "to": _id(given.to)}
        known = {each["id"] for each in graph["nodes"]}
        if absent := [end for end in ends.values() if end not in known]:
            raise ParameterError(self.name, [f"the graph has no node {absent[0]!r}: add it before its edges"])
        edge: dict[str, Any] = {**ends, "weight": 1.0 if given.weight is None else given.weight}
        edge |= {
            name: value for name, value in (("label", given.label), ("data", given.data)) if value is not None
        }
        graph["edges"].append(edge)
        self._check_size(graph, tools)
        return graph

    @operation("export_json")
    def export_json(self, given: Parameters, tools: Surroundings) -> object:
        """The graph as JSON text: {json, node_count, edge_count}."""
        graph = self._graph(given, tools)
        text = msgspec.json.encode(graph).decode()
        return {"json": text, "node_count": len(graph["nodes"]), "edge_count": len(graph["edges"])}

    @operation("import_json", needs=("input",))
    def import_json(self, given: Parameters, tools: Surroundings) -> object:
        """The graph of the JSON text `input`, also in the form of D3 and NetworkX (source, target, links)."""
        return self._graph(given, tools)

    @operation("analyze")
    def analyze(self, given: Parameters, tools: Surroundings) -> object:
        """{node_count, edge_count, density, degree_statistics, is_connected, has_cycles, ...}."""
        with needed(self.name, "networkx"):
            from llmspell_kernel.library.tool.builtin.data.graph_analysis import analysis
        return analysis(self._graph(given, tools), MAX_ANALYSED)

    def _check_size(self, graph: _Graph, tools: Surroundings) -> None:
        limit = tools.settings.tools.data.max_graph_elements
        size = len(graph["nodes"]) + len(graph["edges"])
        limited(self.name, "the number of nodes and edges", size, limit, "tools.data.max_graph_elements")

    def _given(self, graph: Any) -> _Graph:
        """The table that a call has given, or has given as JSON; empty for none."""
        if isinstance(graph, dict) and isinstance(graph.get("json"), str):  # what export_json has answered
            graph = graph["json"]
        if isinstance(graph, str | bytes):
            try:
                graph = msgspec.json.decode(graph)
            except (ValueError, RecursionError) as error:
                raise ParameterError(self.name, [f"the graph is no JSON: {error}"]) from error
        if graph is None or graph == []:
            return {}
        if not isinstance(graph, dict) or (graph and not _PARTS & graph.keys()):
            raise wrong(self.name, "graph", "a table with nodes and edges", graph)
        return graph

    def _graph(self, given: Parameters, tools: Surroundings) -> _Graph:
        found = self._given(given.graph if given.graph is not None else given.input)
        if not found:
            found = {**_EMPTY, "graph_type": given.graph_type or "directed"}
        kind = found.get("graph_type", found.get("type"))
        if kind is None:
            kind = "directed" if found.get("directed", True) else "undirected"
        if kind not in ("directed", "undirected"):
            raise wrong(self.name, "graph.graph_type", "directed or undirected", kind)
        graph: _Graph = {"graph_type": kind, "nodes": [], "edges": []}
        for each in _entries(found.get("nodes")):
            node = each if isinstance(each, dict) else {"id": each}
            if not isinstance(node.get("id"), str | int | float):
                raise wrong(self.name, "a node of the graph", "an id, or a table with one", each)
            graph["nodes"].append({**node, "id": _id(node["id"])})
        ids = {node["id"] for node in graph["nodes"]}
        if len(ids) < len(graph["nodes"]):
            raise ParameterError(self.name, ["the graph has two nodes with the same id"])
        for each in _entries(found.get("edges", found.get("links"))):
            graph["edges"].append(self._edge(each, ids))
        self._check_size(graph, tools)
        return graph

    def _edge(self, each: Any, ids: set[str]) -> dict[str, Any]:
        if isinstance(each, list) and len(each) >= 2:
            each = {"from": each[0], "to": each[1], **({"weight": each[2]} if len(each) > 2 else {})}
        if not isinstance(each, dict):
            raise wrong(self.name, "an edge of the graph", "a table with from and to", each)
        rest = {name: value for name, value in each.items() if name not in ("source", "target", "from", "to")}
        edge = {
            "from": _id(each.get("from", each.get("source"))),
            "to": _id(each.get("to", each.get("target"))),
            "weight": 1.0,
            **rest,
        }
        for end in (edge["from"], edge["to"]):
            if end not in ids:
                raise ParameterError(
                    self.name, [f"an edge of the graph has the end {end!r}, which is no node"]
                )
        if isinstance(edge["weight"], bool) or not isinstance(edge["weight"], int | float):
            raise wrong(self.name, "the weight of an edge", "a number", edge["weight"])
        return edge


def _id(value: Any) -> str:
    """Lua numbers and their texts mean the same node."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        # Nodes by their ids are a usual form too.
        return [{"id": key, **each} if isinstance(each, dict) else {"id": key} for key, each in value.items()]
    return value if isinstance(value, list) else []
