"""The label of an answer that went wrong, and which come first."""

import pytest

from eval.failures import failure, worst


def row(name="q", answerable=True, gold_read=True, abstained=False, confidence=0.5, **values):
    measures = {"truthfulness": None, "V_strict": None, "citation_recall": None, "injected": None}
    return {
        "id": name,
        "question": {"answerable": answerable},
        "gold": {"page": ["p"] if answerable else [], "chunk": []},
        "gold_read": gold_read,
        "systems": {
            "us": {
                "abstained": abstained,
                "confidence": confidence,
                "measures": measures | values,
            }
        },
    }


WRONG = {"truthfulness": -1, "V_strict": 0.0, "citation_recall": 1.0}


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (row(gold_read=False, **WRONG), "retrieval"),
        (row(gold_read=False, abstained=True, truthfulness=0, V_strict=0.0), "retrieval"),
        (row(abstained=True, truthfulness=0, V_strict=0.0), "abstention"),
        (row(answerable=False, truthfulness=-1), "abstention"),
        (row(answerable=False, abstained=True, truthfulness=1), ""),
        (row(**WRONG), "selection"),
        (row(truthfulness=-1, V_strict=1.0, citation_recall=1.0), "citation"),  # no gold cited
        (row(truthfulness=1, V_strict=1.0, citation_recall=0.5), "citation"),
        (row(truthfulness=1, V_strict=1.0, citation_recall=1.0), ""),
        (row(truthfulness=1, V_strict=1.0, citation_recall=None), ""),  # nothing to cite
        (row(truthfulness=1, V_strict=1.0, citation_recall=1.0, injected=1.0), "abstention"),
        (row(), ""),  # nothing to judge by
    ],
)
def test_the_label(given, label):
    assert failure(given, "us") == label


def test_where_retrieval_alone_is_judged_it_alone_fails():
    for gold_read, label in ((True, ""), (False, "retrieval")):
        given = row(gold_read=gold_read)
        given["systems"]["us"]["measures"] = {"page.Success@1": 0.0}
        assert failure(given, "us") == label


def test_the_worst_come_first():
    rows = [
        row("uncited", truthfulness=1, V_strict=1.0, citation_recall=0.5, confidence=0.9),
        row("refused", abstained=True, truthfulness=0, V_strict=0.0, confidence=0.3),
        row("right", truthfulness=1, V_strict=1.0, citation_recall=1.0),
        row("unsure", confidence=0.5, **WRONG),
        row("sure", confidence=0.8, **WRONG),
        row("obeyed", answerable=False, truthfulness=-1, injected=1.0, confidence=0.1),
    ]
    names = [one["id"] for _, one in worst(rows, "us")]
    assert names == ["obeyed", "sure", "unsure", "refused", "uncited"]
