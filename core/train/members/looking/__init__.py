"""Members that look at the image of an asset. They are no kinds of their own: they join a student of any kind where the assets it
learns from have images (core/images/seen.py)."""
