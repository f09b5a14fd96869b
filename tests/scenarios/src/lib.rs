//! The saga, told as stories: see `tests/stories/`.
