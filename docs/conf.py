"""How Sphinx builds the site (`make docs`); blueoil.reference.site writes what it reads."""

from blueoil import __version__

project = "Blueoil"
release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
highlight_language = "none"
smartquotes = False  # `--json` is no dash

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"Blueoil {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
