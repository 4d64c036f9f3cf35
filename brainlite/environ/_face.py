"""What other rooms may use of the inside of the environment.

Each name with what it promises; all else in here may change without a word.
"""

# What a frame does with a setting that is an input, when it is made and when it is read.
from brainlite.environ._store import frames as frames

# The input of a key with what a frame knows it by; None if the setting is none here. Unseen.
from brainlite.environ._store import input_now as input_now

# The settings over those of the process; the same object as long as none has changed.
from brainlite.environ._store import layer as layer

# A setting, or a marker that equals nothing else; for an input its sign. Reads unseen.
from brainlite.environ._store import lookup as lookup

# What holds for the whole process; its settings are one object as long as none has changed.
from brainlite.environ._store import process as process

# Notes the settings that are read, until the token that it returns is used.
from brainlite.environ._store import watch as watch
