"""Two runs side by side, from folders as a run leaves them."""

import io
import json

import pytest
from rich.console import Console

from eval.compare import DECLARED, Difference, compare, corrected, grids, markdown
from eval.report import rich_table
from eval.uncertainty import holm, interval, p_value
from rag.data import FootnoteError

SETTINGS = {"k": 50, "answers": True, "reranker": "", "right_at": 0.5}


def row(number, truthfulness, page="", **values):
    """A row with what a comparison reads of it."""
    return {
        "id": f"q{number}",
        "question": {"question": f"How does {number} work?", "type": "single"},
        "gold": {"page": [page or f"page{number}"]},
        "systems": {"footnote": {"measures": {"truthfulness": truthfulness, **values}}},
    }


def run_in(folder, rows, **changed):
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    summary = {"version": "1", "answerer": "canned", "started": "2026", "settings": SETTINGS}
    (folder / "summary.json").write_text(json.dumps(summary | changed), "utf-8")
    return folder


def compared(tmp_path, before, after, **changed):
    return compare(run_in(tmp_path / "a", before), run_in(tmp_path / "b", after, **changed))


def named(comparison, name):
    return next(one for one in comparison.differences if one.name == name)


def test_the_measures_declared_beforehand():
    declared = {"page.Success@1", "page.Success@5", "chunk.Success@5", "V_strict", "truthfulness"}
    assert declared <= set(DECLARED)


def test_a_difference_by_hand(tmp_path):
    before, after = [1, -1, 0, 1], [1, 1, -1, 1]
    pages = ["p", "p", "q", "r"]
    found = compared(
        tmp_path,
        [row(n, value, pages[n]) for n, value in enumerate(before)],
        [row(n, value, pages[n]) for n, value in enumerate(after)],
    )
    one = named(found, "truthfulness")
    assert (one.n, one.before, one.after) == (4, 0.25, 0.5)
    assert (one.low, one.high) == pytest.approx(interval([0, 2, -1, 0], pages))
    assert one.p == p_value([0, 2, -1, 0], pages)  # one measure alone: Holm changes nothing
    assert one.verdict == "within the noise"
    assert found.questions == 4


@pytest.mark.parametrize(("before", "after", "verdict"), [(-1, 1, "better"), (1, -1, "worse")])
def test_what_is_more_than_noise_is_called_so(tmp_path, before, after, verdict):
    rows = ([row(n, value if n else 0) for n in range(12)] for value in (before, after))
    assert named(compared(tmp_path, *rows), "truthfulness").verdict == verdict


def test_questions_of_one_page_are_one_piece_of_evidence(tmp_path):
    # Of 12 questions on two pages four ways to sign are left, and half of them are as far out.
    before, after = ([row(n, value, f"page{n % 2}") for n in range(12)] for value in (-1, 1))
    one = named(compared(tmp_path, before, after), "truthfulness")
    assert one.p == pytest.approx(0.5, abs=0.02)
    assert one.verdict == "within the noise"


def test_fewer_refusals_are_better():
    assert Difference("false_refusals", 9, 0.5, 0.1, -0.5, -0.3, 0.01).verdict == "better"
    assert Difference("false_refusals", 9, 0.1, 0.5, 0.3, 0.5, 0.01).verdict == "worse"
    assert Difference("V_strict", 9, 0.1, 0.5, 0.3, 0.5, 0.05).verdict == "within the noise"


def test_only_declared_measures_are_tested_and_corrected_together(tmp_path):
    both = []
    for side in (0, 1):
        values = [
            {"V_strict": float(side and n < 6), "page.Success@1": side * n % 2, "A_strict": side}
            for n in range(12)
        ]
        both.append([row(n, side if n < 4 else 0, **v) for n, v in enumerate(values)])
    found = compared(tmp_path, *both)
    assert named(found, "A_strict").p is None
    assert named(found, "A_strict").verdict == ""
    tested = {
        "page.Success@1": p_value([n % 2 for n in range(12)], range(12)),
        "V_strict": p_value([float(n < 6) for n in range(12)], range(12)),
        "truthfulness": p_value([float(n < 4) for n in range(12)], range(12)),
    }
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    assert {one.name: one.p for one in found.differences if one.p is not None} == adjusted
    assert adjusted != tested


def test_correcting_leaves_what_was_not_tested():
    shown = Difference("words", 3, 10, 20, None, None, None)
    assert corrected([shown]) == [shown]


def test_a_question_that_one_run_could_not_judge_counts_for_neither(tmp_path):
    before = [row(1, 1, V_strict=None), row(2, 1, V_strict=0.5), row(3, 1, V_strict=1.0)]
    after = [row(1, 1, V_strict=1.0), row(2, 1, V_strict=1.0), row(3, 1)]
    one = named(compared(tmp_path, before, after), "V_strict")
    assert (one.n, one.before, one.after) == (1, 0.5, 1)
    assert (one.low, one.high) == (None, None)  # one question has no spread


def test_the_same_run_twice_has_no_difference(tmp_path):
    rows = [row(n, n % 3 - 1, V_strict=n / 9) for n in range(9)]
    found = compared(tmp_path, rows, rows)
    assert {one.p for one in found.differences} == {1}
    assert {one.verdict for one in found.differences} == {"within the noise"}
    assert found.flips == ()
    assert found.cautions == ()


def test_the_questions_that_flipped(tmp_path):
    before, after = [1, -1, 0, -1, 1], [-1, 1, -1, -1, 1]
    found = compared(
        tmp_path,
        [row(n, value) for n, value in enumerate(before)],
        [row(n, value) for n, value in enumerate(after)],
    )
    assert [(f.id, f.before, f.after) for f in found.flips] == [
        ("q0", 1, -1),
        ("q1", -1, 1),
        ("q2", 0, -1),
    ]
    _, table = grids(found)
    assert table.title == "Questions that flipped: 1 for the better, 2 for the worse"
    assert [cell.value for cell in table.rows[2]] == ["q2: How does 2 work?", "abstained", "wrong"]
    assert len(grids(found, 2)[1].rows) == 2


def test_where_answers_were_not_judged_a_flip_is_told_by_the_ranking(tmp_path):
    before = [row(n, None, **{"page.Success@5": n % 2}) for n in range(3)]
    after = [row(n, None, **{"page.Success@5": 1.0}) for n in range(3)]
    found = compared(tmp_path, before, after)
    assert [flip.id for flip in found.flips] == ["q0", "q2"]
    shown = [cell.value for cell in grids(found)[1].rows[0][1:]]
    assert shown == ["no gold page", "gold page found"]


def test_the_tables_fit_80_columns(tmp_path):
    long, names = "A question that goes on " * 9, ("V_strict", "abstention_recall")
    rows = [
        [
            row(n, side * 2 - 1, words=side * 150 + n, **dict.fromkeys(names, 0.1 + side * n / 25))
            for n in range(20)
        ]
        for side in (0, 1)
    ]
    for one in (*rows[0], *rows[1]):
        one["question"]["question"] = long
    found = compared(tmp_path, *rows)
    for grid in grids(found):
        console = Console(width=80, file=io.StringIO())
        console.print(rich_table(grid))
        lines = console.file.getvalue().splitlines()
        body = lines[next(n for n, line in enumerate(lines) if "─" in line) + 1 :]
        assert len([line for line in body if line.strip()]) == len(grid.rows)
        for line, cells in zip(body, grid.rows, strict=False):
            assert " ".join(line.split()) == " ".join(str(c) for c in cells if str(c))


def test_only_the_questions_of_both_are_compared(tmp_path):
    found = compared(tmp_path, [row(1, 1), row(2, -1)], [row(3, 1), row(2, 1)])
    assert found.questions == 1
    assert named(found, "truthfulness").before == -1
    assert len([line for line in found.cautions if line.startswith("1 question")]) == 2


def test_a_question_that_was_changed_is_another_question(tmp_path):
    changed = row(1, 1)
    changed["question"]["question"] = "Something else?"
    found = compared(tmp_path, [row(1, -1), row(2, 1)], [changed, row(2, 1)])
    assert found.questions == 1
    assert found.flips == ()


def test_what_else_differs_is_said(tmp_path):
    rows = [row(1, 1), row(2, 0)]
    found = compared(tmp_path, rows, rows, answerer="other", settings=SETTINGS | {"k": 20})
    assert "answerer: 'canned', then 'other'" in found.cautions
    assert "k: 50, then 20" in found.cautions


def test_nothing_in_common_is_said(tmp_path):
    with pytest.raises(FootnoteError, match="no question in common"):
        compared(tmp_path, [row(1, 1)], [row(2, 1)])


@pytest.mark.parametrize("name", ["summary.json", "rows.jsonl"])
@pytest.mark.parametrize("content", [None, "", "{", "[]", "\xff", '{"a": 1}\n'])
def test_a_folder_that_is_no_finished_run_is_said(tmp_path, name, content):
    good, bad = run_in(tmp_path / "a", [row(1, 1)]), run_in(tmp_path / "b", [row(1, 1)])
    if content is None:
        (bad / name).unlink()
    else:
        (bad / name).write_text(content, "latin-1")
    for pair in [(good, bad), (bad, good)]:
        with pytest.raises(FootnoteError, match=r"b\b"):
            compare(*pair)


def test_in_markdown_nothing_of_a_question_is_markup(tmp_path):
    rows = [row(1, 1), row(1, -1)]
    for one in rows:
        one["question"]["question"] = "a|b <img src=x> [c](http://evil) @you\n|d|"
    page = markdown(compared(tmp_path, *([one] for one in rows)))
    line = next(line for line in page.splitlines() if "evil" in line)
    assert r"q1: a\|b \<img src=x\> \[c\](http://evil) \@you \|d\| |" in line
    assert "| truthfulness (-1 to 1) | 1 | 1.00 | -1.00 | -2.00 | 1.000 | noise |" in page
