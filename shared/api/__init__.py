"""The HTTP side: routes, and the problems they answer with."""
