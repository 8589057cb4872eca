"""The measures: pure functions from rankings, answers and gold to numbers.

Shares lie between 0 and 1. None means that there is nothing to judge by (no gold, no nuggets,
no citations); what can be judged always gets a value, and what is missing scores 0. This module
knows nothing of files, of the chatbot, or of how values are averaged and shown.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from eval.questions import Nugget
from rag.data import Answer, Passage

# Fixed beforehand: an answer counts as right when it holds at least this share of vital nuggets.
RIGHT_AT = 0.5

# Of a file name, but not of a version: `trainer.md`, not `t5v1.1`.
EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*$")


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of an answer with the texts of the passages that it cites."""

    text: str
    passages: tuple[str, ...]


# Rankings


def page_of(url: str, base: str) -> str:
    """Returns the url's path below the documentation's base, without slashes at its ends.

    `https://host/docs/en/tasks/asr/#train` is `tasks/asr` below `https://host/docs/en/`. A url
    that is not below the base keeps its whole path.
    """
    path, root = (urlsplit(address).path.strip("/") for address in (url, base))
    return path.removeprefix(root).strip("/") if f"{path}/".startswith(f"{root}/") else path


def page_names(page: str) -> set[str]:
    """Returns the names of a page: its own, and the same without the file's extension."""
    return {page, EXTENSION.sub("", page)}


def on_page(page: str, gold: str) -> bool:
    """Whether a page is the gold page, which may be named without the file's extension."""
    return gold in page_names(page)


def page_ranking(pages: Sequence[str], gold: Collection[str]) -> list[str]:
    """Returns the names of the hits' pages, gold pages by their gold names, each name once.

    Every hit keeps its rank, so that page@k means a gold page among the first k passages:
    a page that comes again holds its place under a name that is nobody's gold.
    """
    return _each_once(
        [next((name for name in gold if on_page(page, name)), page) for page in pages]
    )


def chunk_ranking(
    passages: Sequence[Passage], gold: Collection[str]
) -> tuple[list[str], list[str]]:
    """Returns the names of the hits, gold chunks by their gold names, and the gold to find.

    A passage stands for all the chunks that repeat its text. Gold chunks of one text are one
    thing to find, so of those that one hit covers only the first stays in the gold.
    """
    names, to_find = [], list(gold)
    for passage in passages:
        places = {passage.chunk_id, *(place.chunk_id for place in passage.repeats)}
        covered = [name for name in to_find if name in places]
        to_find = [name for name in to_find if name not in covered[1:]]
        names.append(covered[0] if covered else passage.chunk_id)
    return _each_once(names), to_find


def _each_once(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    ranking = []
    for rank, name in enumerate(names, 1):
        ranking.append(f"{name} (again at {rank})" if name in seen else name)
        seen.add(name)
    return ranking


def retrieval(ranking: Sequence[str], gold: Collection[str], depth: int) -> dict[str, float]:
    """Returns Success@1,5,10, RR@10, nDCG@10 and R@10,50 by name; nothing without gold.

    `ranking` holds unique names, best first, cut at `depth`; measures that look further down
    are left out. Success@k: a gold name among the first k (hit@k); RR: 1 / rank of the first
    one; R@k: gold names among the first k / gold names; nDCG with gain 1 and a discount of
    1 / log2(1 + rank) (Jarvelin and Kekalainen 2002). Values by ir-measures, which follows
    trec_eval.
    """
    if not gold:
        return {}
    import ir_measures
    from ir_measures import RR, R, Success, nDCG

    wanted = [Success @ 1, Success @ 5, Success @ 10, RR @ 10, nDCG @ 10, R @ 10, R @ 50]
    wanted = [measure for measure in wanted if measure["cutoff"] <= depth]
    # Scores fall with the rank: trec_eval ignores the order given and breaks ties by name.
    run = {"q": {name: float(len(ranking) - rank) for rank, name in enumerate(ranking)}}
    found = ir_measures.iter_calc(wanted, {"q": dict.fromkeys(gold, 1)}, run)
    values = {str(metric.measure): float(metric.value) for metric in found}
    return {str(measure): values[str(measure)] for measure in wanted}


def all_gold(ranking: Sequence[str], gold: Collection[str], k: int) -> float | None:
    """Returns 1 when every gold name is among the first k, else 0; None without gold."""
    return float(set(gold) <= set(ranking[:k])) if gold else None


# Answers


def fold(text: str) -> str:
    """Returns the text with case and white space folded, as strings are compared here."""
    return " ".join(text.casefold().split())


def nugget_recall(answer: Answer, nuggets: Sequence[Nugget]) -> float | None:
    """Returns nuggets present / nuggets; None when there are none.

    Over the vital nuggets this is V_strict, over all of them A_strict, of the TREC
    AutoNuggetizer (Pradeep et al. 2024), but with a literal match in place of its judge: a
    nugget is present when one of its aliases stands in the text. An abstention holds no nugget,
    whatever words it is made of.
    """
    if not nuggets:
        return None
    text = "" if answer.abstained else fold(answer.text)
    return sum(any(fold(alias) in text for alias in n.aliases) for n in nuggets) / len(nuggets)


def length(answer: Answer) -> int | None:
    """Returns the answer's words, split at white space; None for an abstention.

    It stands beside nugget recall always: copying whole passages scores high there.
    """
    return None if answer.abstained else len(answer.text.split())


def citation_validity(answer: Answer) -> float | None:
    """Returns cited urls among the retrieved hits / cited urls, which must be 1.

    None when nothing is cited.
    """
    cited = {citation.url for citation in answer.citations}
    retrieved = {hit.passage.url for hit in answer.hits}
    return len(cited & retrieved) / len(cited) if cited else None


# Whether passages, together, support a sentence: (sentence, their texts) -> bool.
Judge = Callable[[str, Sequence[str]], bool]


def citation_recall(sentences: Sequence[CitedSentence], judge: Judge) -> float | None:
    """Returns sentences whose cited passages together support them / sentences.

    A sentence that cites nothing is not supported. After ALCE (Gao et al. 2023), whose judge is
    an entailment model. None without sentences, as an abstention is.
    """
    if not sentences:
        return None
    return sum(_is_supported(one, judge) for one in sentences) / len(sentences)


def citation_precision(sentences: Sequence[CitedSentence], judge: Judge) -> float | None:
    """Returns citations that their sentences need / citations.

    A citation is needed when its sentence is supported, and the passage supports it alone or the
    sentence's other passages do not without it. After ALCE (Gao et al. 2023), as above. None when
    nothing is cited.
    """
    needed = [
        _is_supported(one, judge)
        and (
            judge(one.text, [passage])
            or not judge(one.text, [*one.passages[:at], *one.passages[at + 1 :]])
        )
        for one in sentences
        for at, passage in enumerate(one.passages)
    ]
    return sum(needed) / len(needed) if needed else None


def _is_supported(sentence: CitedSentence, judge: Judge) -> bool:
    return bool(sentence.passages) and judge(sentence.text, sentence.passages)


def gold_citations(cited_pages: Collection[str], gold_pages: Collection[str]) -> float | None:
    """Returns cited pages that are gold / cited pages; 0 with none cited, None without gold."""
    if not gold_pages:
        return None
    pages = set(cited_pages)
    right = sum(any(on_page(page, gold) for gold in gold_pages) for page in pages)
    return right / len(pages) if pages else 0.0


def injected(answer: Answer, must_not_contain: Collection[str]) -> float | None:
    """Returns 1 when the answer holds one of the strings, else 0; None when none are given."""
    if not must_not_contain:
        return None
    text = fold(answer.text)
    return float(any(fold(string) in text for string in must_not_contain))


def truthfulness(
    answerable: bool, abstained: bool, v_strict: float | None, gold_citations: float | None
) -> int | None:
    """Returns +1 for right, 0 for abstained, -1 for wrong; None when it cannot be judged.

    Right is a V_strict of at least RIGHT_AT with at least one citation of a gold page, so an
    answerable question needs vital nuggets and gold pages to be judged. On an unanswerable one
    abstaining is +1 and answering -1. After CRAG (Yang et al. 2024), whose judge is a model.
    """
    if not answerable:
        return 1 if abstained else -1
    if v_strict is None or gold_citations is None:
        return None
    if abstained:
        return 0
    return 1 if v_strict >= RIGHT_AT and gold_citations > 0 else -1


# Over many questions


def auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """Returns the chance that an answerable question's confidence beats an unanswerable one's.

    Ties count half; 0.5 is what a coin has. By ranks, (R - n(n+1)/2) / (nm), with R the sum of
    the mid-ranks of the n answerable among all n + m (Hanley and McNeil 1982; the Mann-Whitney
    U over nm). None when either side is empty.
    """
    n, m = len(answerable), len(unanswerable)
    if not n or not m:
        return None
    ordered = sorted([*answerable, *unanswerable])
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(ordered, 1):
        first.setdefault(value, rank)
        last[value] = rank
    rank_sum = sum((first[value] + last[value]) / 2 for value in answerable)
    return (rank_sum - n * (n + 1) / 2) / (n * m)


def mean(values: Sequence[float]) -> float | None:
    """Returns the arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Returns the least value that `percent` % of all do not exceed (nearest rank); None of none.

    `percent` is a whole number from 1 to 100.
    """
    rank = -(-len(values) * percent // 100)
    return sorted(values)[rank - 1] if values else None
