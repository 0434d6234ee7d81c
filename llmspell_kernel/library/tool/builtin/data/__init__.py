"""Tables, JSON, graphs, PDF documents and databases."""
