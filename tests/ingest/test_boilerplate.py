"""The licence notice is told from documentation, in whatever fragments it comes."""

import pyarrow.parquet as pq
import pytest

from ingest.boilerplate import is_licence

HEAD = (
    "<!--Copyright 2031 The Kettle Works and friends. All rights reserved. Licensed under the"
    ' Apache License, Version 2.0 (the "License"); you may not use this file except in'
    " compliance with the License. You may obtain a copy of the License at"
)
TAIL = (
    "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for"
    " the specific language governing permissions and limitations under the License. -->"
)
VIEWER_NOTE = (
    "⚠️ Note that this file is in Markdown but contains specific syntax for our doc-builder"
    " (similar to MDX) that may not be rendered properly in your Markdown viewer."
)


@pytest.mark.parametrize(
    "chunk",
    [
        HEAD,
        TAIL,
        f"{HEAD} http://www.apache.org/licenses/LICENSE-2.0",
        TAIL.replace("-->", f"{VIEWER_NOTE} -->"),
        TAIL.replace(" See", "\nSee").replace(" the ", "  the\n"),
        HEAD.replace("Apache License, Version 2.0", "MIT License").replace('(the "License")', ""),
    ],
    ids=["head", "tail", "address", "viewer note", "line breaks", "MIT"],
)
def test_a_fragment_of_the_notice_is_boilerplate(chunk):
    assert is_licence(chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        f"{TAIL} # Boiling water",
        f"{TAIL} Boiling takes four minutes.",
        f"The kettle whistles. {HEAD}",
        "The kettle's software is licensed under the Apache License, Version 2.0.",
        "Licensed under the Apache License, Version 2.0",
        "Copyright 2031 The Kettle Works. All rights reserved.",
        "See the License for the specific language",
        "",
        "-->",
    ],
)
def test_content_and_short_chunks_are_kept(chunk):
    assert not is_licence(chunk)


@pytest.mark.parametrize("table", ["transformers_docs", "transformers_docs_newlines"])
def test_every_notice_of_the_real_table_is_found_and_nothing_else(shared, table):
    chunks = pq.read_table(shared / "corpus" / f"{table}.parquet")["chunk"].to_pylist()
    left_out = [chunk for chunk in chunks if is_licence(chunk)]
    assert len(left_out) == 932
    # In this table a notice has one of these words or signs, documentation has none of them.
    signs = ("Licensed under the", "governing permissions", "See the License", "doc-builder (")
    assert all(any(sign in " ".join(chunk.split()) for sign in signs) for chunk in left_out)
    assert all("<!--" in chunk or "-->" in chunk for chunk in left_out)
    kept = [" ".join(chunk.split()) for chunk in chunks if not is_licence(chunk)]
    assert not [chunk for chunk in kept if '"AS IS" BASIS' in chunk or "doc-builder (" in chunk]
