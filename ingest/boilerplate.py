"""Tells whether a chunk is nothing but the licence notice at the head of a documentation file.

Tables cut from Markdown trees carry that notice once or twice a page, in fragments that overlap
and end anywhere, some with their lines out of order. So a chunk is judged by its words: it is
boilerplate when every one of them stands in a run of three words of the notice. This module
knows nothing of tables or passages.
"""

import re

# The notice as documentation files spell it; a later entry adds only where copies differ.
NOTICE = (
    'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file'
    " except in compliance with the License. You may obtain a copy of the License at"
    " http://www.apache.org/licenses/LICENSE-2.0 Unless required by applicable law or agreed to"
    ' in writing, software distributed under the License is distributed on an "AS IS" BASIS,'
    " WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License"
    " for the specific language governing permissions and limitations under the License. Note"
    " that this file is in Markdown but contain specific syntax for our doc-builder (similar to"
    " MDX) that may not be rendered properly in your Markdown viewer.",
    "Licensed under the MIT License; you may not",
    "warning Note that this file is in Markdown but contains specific syntax",
)

# Whoever holds the copyright is not part of the notice's fixed words.
COPYRIGHT = re.compile(r"copyright\b.{0,200}?\ball rights reserved", re.IGNORECASE | re.DOTALL)

# Fewer words prove nothing: "licensed under the Apache License, Version 2.0" may be an answer.
FEWEST = 12


def is_licence(chunk: str) -> bool:
    """True when `chunk` holds words of the licence notice and no other; false for a short one."""
    words = _words(COPYRIGHT.sub(" ", chunk))
    if len(words) < FEWEST:
        return False
    in_notice = {i + k for i, run in enumerate(_runs(words)) if run in _NOTICE for k in range(3)}
    return len(in_notice) == len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    """Every three words that follow one another."""
    return list(zip(words, words[1:], words[2:], strict=False))


_NOTICE = {run for text in NOTICE for run in _runs(_words(text))}
