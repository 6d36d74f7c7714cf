"""From a Program to a C++ project by Jinja2 templates."""
