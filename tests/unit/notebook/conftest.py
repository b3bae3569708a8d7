"""How this room's tests try out values: as many as are found in seconds, without a clock that a busy machine upsets."""

from hypothesis import settings

settings.register_profile("notebook", deadline=None, max_examples=60)
settings.load_profile("notebook")
