"""What stands between tools and the world."""
