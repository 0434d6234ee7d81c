"""The tools that come with the package, a file a family."""
