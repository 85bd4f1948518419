from importlib.metadata import version as installed_version

project = "nbjax"
author = "The nbjax authors"
copyright = "2026, The nbjax authors"
release = version = installed_version("nbjax")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = f"nbjax {release}"

autodoc_typehints = "none"
napoleon_numpy_docstring = False
