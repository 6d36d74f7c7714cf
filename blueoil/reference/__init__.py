"""What the code says of itself, as Markdown: the pages of the site that nobody writes by hand.

``python -m blueoil.reference FOLDER`` makes the source of the site, these pages beside those of docs/.
"""
