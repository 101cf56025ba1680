"""How Sphinx makes the static site; `socketlab author site` runs it."""

project = "minisocketserver"
html_title = "minisocketserver"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
default_role = "literal"  # what stands in single backticks, as everywhere else here
add_module_names = False  # a phone has no room for them, and the headings say which it is
autodoc_typehints = "none"  # they're in the source, for a type checker
nb_execution_mode = "off"  # the outputs are those in the notebooks
nb_merge_streams = True
myst_heading_anchors = 3

html_theme = "furo"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1b5e20", "color-brand-content": "#2e7d32"},
    "dark_css_variables": {"color-brand-primary": "#a5d6a7", "color-brand-content": "#81c784"},
}
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_show_sphinx = False
html_show_search_summary = True  # from the text that socketlab/authoring/excerpts.py puts there
# The code of a notebook is IPython's, and Pygments has a name for that only when it is installed.
highlight_language = "python"
