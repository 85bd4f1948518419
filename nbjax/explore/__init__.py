"""``nbjax explore``: the image of a configuration on a local page, live beside sliders.

``changes`` turns what the page says into a configuration, ``model`` renders it, ``pixel`` and ``overlay`` tell of it,
``measured`` compares it with an image and fits it; ``application`` answers the page, and ``guard`` decides who may ask.
"""
