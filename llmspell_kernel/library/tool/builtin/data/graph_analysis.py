"""What graphs are like. Imports networkx."""

from __future__ import annotations

import statistics
from typing import Any

import networkx

TOP = 10
MAX_CYCLE_LENGTH = 100


def analysis(graph: dict[str, Any], limit: int) -> dict[str, Any]:
    """Facts about it; those that take long only for graphs of up to `limit` nodes."""
    directed = graph["graph_type"] == "directed"
    made: Any = networkx.MultiDiGraph() if directed else networkx.MultiGraph()
    made.add_nodes_from(node["id"] for node in graph["nodes"])
    made.add_edges_from((edge["from"], edge["to"], {"weight": edge["weight"]}) for edge in graph["edges"])
    simple: Any = networkx.DiGraph(made) if directed else networkx.Graph(made)
    found: dict[str, Any] = {
        "graph_type": graph["graph_type"],
        "node_count": made.number_of_nodes(),
        "edge_count": made.number_of_edges(),
        "density": networkx.density(simple),
        "degree_statistics": _degrees(made, directed=directed),
        "self_loops": networkx.number_of_selfloops(made),
        "isolated_nodes": list(networkx.isolates(made)),
        "total_weight": sum(edge["weight"] for edge in graph["edges"]),
    }
    if not found["node_count"]:
        return {**found, "is_connected": False, "component_count": 0, "has_cycles": False}
    found |= _structure(made, simple, directed=directed)
    if found["node_count"] <= limit:
        found |= _importance(simple)
        whole = simple.to_undirected() if directed else simple
        if found["is_connected"]:
            found["diameter"] = networkx.diameter(whole)
            found["average_distance"] = (
                networkx.average_shortest_path_length(whole) if found["node_count"] > 1 else 0.0
            )
        found["clustering"] = networkx.average_clustering(networkx.Graph(whole))
    return found


def _degrees(graph: Any, *, directed: bool) -> dict[str, Any]:
    degrees = [degree for _, degree in graph.degree()]
    if not degrees:
        return {"min": 0, "max": 0, "average": 0.0, "median": 0.0}
    found = {
        "min": min(degrees),
        "max": max(degrees),
        "average": statistics.fmean(degrees),
        "median": float(statistics.median(degrees)),
    }
    if directed:
        found["max_in"] = max(degree for _, degree in graph.in_degree())
        found["max_out"] = max(degree for _, degree in graph.out_degree())
    return found


def _structure(graph: Any, simple: Any, *, directed: bool) -> dict[str, Any]:
    if not directed:
        components = networkx.number_connected_components(simple)
        try:
            cycle = [edge[0] for edge in networkx.find_cycle(graph)]
        except networkx.NetworkXNoCycle:
            cycle = []
        return {
            "is_connected": components == 1,
            "component_count": components,
            "has_cycles": bool(cycle),
            "cycle": cycle[:MAX_CYCLE_LENGTH],
        }
    components = networkx.number_weakly_connected_components(simple)
    found: dict[str, Any] = {
        "is_connected": components == 1,
        "component_count": components,
        "strong_component_count": networkx.number_strongly_connected_components(simple),
        "has_cycles": not networkx.is_directed_acyclic_graph(simple),
    }
    if found["has_cycles"]:
        found["cycle"] = [edge[0] for edge in networkx.find_cycle(simple)][:MAX_CYCLE_LENGTH]
    else:
        found["topological_order"] = list(networkx.topological_sort(simple))[:MAX_CYCLE_LENGTH]
    return found


def _importance(simple: Any) -> dict[str, Any]:
    between = networkx.betweenness_centrality(simple)
    ranked = sorted(between.items(), key=lambda entry: (-entry[1], entry[0]))[:TOP]
    return {"central_nodes": [{"id": node, "betweenness": value} for node, value in ranked]}
