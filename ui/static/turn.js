// A question and its answer on the page: what is known of it, and how that looks.
//
// A turn is a plain object that can be kept: {question, searched, seconds, hits, answer, stopped,
// trouble, rating}, and {partial, notes} where it has no whole answer. The server's `html`, `thought`, `finished` and `rest` are HTML of its own
// making, in which everything that is not ours is escaped.

import { copy, el, icon, iconButton, link } from "./dom.js";

const LONG = 300; // characters from which a question is shown as text, not as a headline
const NEAREST = 3; // pages offered where nothing was found

// What a person can do with a turn: edit(turn, question), retry, undo, rate(turn, rating, comment).
export function turnView(turn, number, total, doing) {
  const id = `turn-${number}`;
  const article = el("article", { class: "turn", "aria-labelledby": id });
  article.append(asked(turn, id, doing, article), step(turn));
  if (turn.answer?.thought) article.append(thought(turn.answer.thought));
  article.append(answered(turn));
  if (turn.answer) article.append(...sources(turn));
  if (turn.stopped) article.append(el("p", { class: "stopped" }, "Stopped."));
  article.append(actions(turn, number, total, doing));
  return article;
}

// The passage behind a footnote's number in the turn.
export function passageOf(turn, note) {
  if (note.matches(".doubt")) {
    return { place: "Not supported", url: "", quote: "", text: "None of the passages found says what this sentence says. Do not rely on it." };
  }
  const { chunk_id, url, quote } = (turn.answer ?? turn).notes[Number(note.dataset.note)];
  const hit = turn.hits.find((one) => one.chunk_id === chunk_id) ?? turn.hits.find((one) => one.url === url);
  return { url, quote, place: hit?.place ?? url, text: hit?.text ?? quote };
}

function asked(turn, id, doing, article) {
  const long = turn.question.length > LONG;
  const heading = el("h2", { id, class: long && "long", tabindex: long && "0" }, turn.question);
  const edit = iconButton("edit", "Edit the question", () => editing(turn, doing, article, box));
  const box = el("div", { class: "asked" }, heading, edit);
  return box;
}

function editing(turn, doing, article, box) {
  const area = el("textarea", { "aria-label": "Edit the question" });
  area.value = turn.question;
  const back = () => { form.replaceWith(box); box.querySelector("button").focus(); };
  const form = el("form", {
    class: "editing",
    onsubmit: (event) => { event.preventDefault(); if (area.value.trim()) doing.edit(turn, area.value.trim()); },
    onkeydown: (event) => {
      if (event.key === "Escape") back();
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); form.requestSubmit(); }
    },
  }, area, el("p", {}, el("button", { type: "button", onclick: back }, "Cancel"), el("button", { class: "main" }, "Ask again")));
  box.replaceWith(form);
  area.focus();
}

function step(turn) {
  const box = el("div", { class: "step" });
  showStep(box, turn);
  return box;
}

function showStep(box, turn) {
  if (!turn.hits) {
    box.replaceChildren(...(turn.waiting ? [el("p", {}, turn.waiting)] : []));
    return;
  }
  const count = `${turn.hits.length} passage${turn.hits.length === 1 ? "" : "s"}`;
  const other = turn.searched && turn.searched !== turn.question ? ` for “${turn.searched}”` : "";
  box.replaceChildren(el("details", {},
    el("summary", {}, `Found ${count}${other} in ${duration(turn.seconds)}`),
    el("ol", { class: "found" }, ...turn.hits.map((hit) => el("li", {}, el("details", {},
      el("summary", {}, hit.place),
      el("p", { class: "passage" }, hit.text),
      link(hit.url, "Open the passage ↗")))))));
}

function thought(html) {
  const box = el("div");
  box.innerHTML = html;
  return el("details", { class: "thought" }, el("summary", {}, "What the model thought first"), box);
}

function answered(turn) {
  const box = el("div", { class: "answer" });
  if (turn.trouble) box.append(el("p", { class: "trouble" }, turn.trouble));
  else if (turn.answer?.abstained && !turn.answer.text.includes("No passage was cited")) box.append(...nothing(turn));
  else if (turn.answer) box.innerHTML = turn.answer.html;
  else if (turn.partial) box.innerHTML = turn.partial;
  for (const note of box.querySelectorAll("a.note")) {
    note.setAttribute("aria-label", `Footnote ${note.textContent}: ${passageOf(turn, note).place}`);
  }
  for (const button of box.querySelectorAll("button.copy")) {
    button.addEventListener("click", () => copy(button.closest("figure").querySelector("code").textContent, "Code copied"));
  }
  return box;
}

function nothing(turn) {
  const pages = new Map(turn.hits.toReversed().map((hit) => [hit.url.split("#")[0], hit]));
  const nearest = turn.hits.filter((hit) => pages.get(hit.url.split("#")[0]) === hit).slice(0, NEAREST);
  const text = el("p", { class: "nothing" }, turn.answer.text);
  if (!nearest.length) return [text];
  return [text, el("section", { class: "sources" }, el("h3", {}, "The nearest pages"),
    el("ol", {}, ...nearest.map((hit) => el("li", {}, el("span", { class: "number" }, "→"), source(hit.url, hit.place)))))];
}

function sources(turn) {
  if (!turn.answer.citations.length) return [];
  const items = turn.answer.citations.map((note) => {
    const hit = turn.hits.find((one) => one.chunk_id === note.chunk_id && one.url) ?? {};
    return el("li", {}, el("span", { class: "number" }, String(note.marker)), source(hit.url ?? "", hit.place ?? note.url));
  });
  return [el("section", { class: "sources" }, el("h3", {}, "Footnotes"), el("ol", {}, ...items))];
}

const source = (url, place) => el("div", {}, link(url, place), el("span", { class: "address" }, url.replace(/^https?:\/\//, "")));

function actions(turn, number, total, doing) {
  const bar = el("div", { class: "actions" });
  if (!turn.answer && !turn.stopped && !turn.trouble) return bar;
  const last = number === total;
  const address = new URL(location.pathname, location.href);
  address.searchParams.set("q", turn.question);
  if (turn.answer) bar.append(iconButton("copy", "Copy the answer", () => copy(turn.answer.text, "Answer copied")));
  bar.append(iconButton("link", "Copy a link to the question", () => copy(address.href, "Link copied")));
  bar.append(iconButton("retry", "Answer again", () => doing.retry(turn)));
  if (last) bar.append(iconButton("undo", "Take the question back", () => doing.undo(turn)));
  if (turn.answer) {
    for (const [rating, label] of [["up", "A good answer"], ["down", "A bad answer"]]) {
      const button = iconButton(rating, label, () => doing.rate(turn, rating, bar));
      button.setAttribute("aria-pressed", String(turn.rating === rating));
      button.dataset.rating = rating;
      bar.append(button);
    }
    const unread = turn.answer.unread ? `${turn.answer.unread} passages had no room · ` : "";
    bar.append(el("span", { class: "time" }, `${unread}${duration(turn.answer.timings.total)}`));
  }
  return bar;
}

// Asks for a comment on a rating that has been saved.
export function commentForm(turn, bar, doing) {
  bar.parentElement.querySelector(".comment")?.remove();
  const input = el("input", { "aria-label": "Comment", placeholder: "Anything to add? (optional)", maxlength: "2000" });
  const form = el("form", {
    class: "comment",
    onsubmit: async (event) => {
      event.preventDefault();
      if (!input.value.trim() || (await doing.comment(turn, input.value.trim()))) form.remove();
    },
  }, input, el("button", {}, "Send"));
  bar.after(form);
  input.focus();
}

export const showWaiting = (article, turn) => showStep(article.querySelector(".step"), turn);

// Puts what has come of the answer's text in place; what is finished is never written again.
export function showText(article, turn, finished, rest) {
  const box = article.querySelector(".answer");
  if (!box.firstChild) box.append(el("div"), el("div", { class: "caret" }));
  const [done, open] = box.children;
  if (finished) done.insertAdjacentHTML("beforeend", finished);
  open.innerHTML = rest;
  turn.partial = done.innerHTML + open.innerHTML;
}

export function showThought(article, turn) {
  let box = article.querySelector(".thought");
  if (!box) {
    box = el("details", { class: "thought" }, el("summary", {}, "The model is thinking…"), el("div"));
    article.querySelector(".answer").before(box);
  }
  box.lastElementChild.textContent = turn.thinking;
}

export const duration = (seconds) => (seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`);
