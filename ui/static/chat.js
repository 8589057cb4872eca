// The page at work: the conversation that is open, asking, and what stands around it.

import { hide, watch } from "./card.js";
import { $, copy, el, iconButton, say, toast } from "./dom.js";
import * as store from "./store.js";
import { commentForm, passageOf, showText, showThought, showWaiting, turnView } from "./turn.js";

const TURNS_SENT = 10; // of the conversation, with a question
const NAME = 60; // characters of a question that name a conversation
let about = JSON.parse($("about").textContent);
let conversation = fresh();
let answering = null; // the AbortController of the answer that is being written
let settings = { passages: about.passages.default, answerer: "", strict: false, ...store.settings() };

function fresh() {
  return { id: crypto.randomUUID?.() ?? String(Date.now() + Math.random()), name: "", turns: [] };
}

// Asking

async function ask(question) {
  if (answering || question.length > about.question) return;
  const turn = { question, waiting: "Searching…" };
  conversation.turns.push(turn);
  conversation.name ||= question.length > NAME ? `${question.slice(0, NAME - 1)}…` : question;
  answering = new AbortController();
  const signal = answering.signal;
  const here = conversation; // it may be left while it is being answered
  keep(here);
  draw();
  history.replaceState(null, "", `#${here.id}`);
  const article = $("turns").lastElementChild;
  article.setAttribute("aria-busy", "true");
  article.scrollIntoView({ block: "start", behavior: "smooth" });
  $("question").focus({ preventScroll: true });
  say("Searching");
  try {
    await read(turn, here, article, signal);
    if (!turn.answer && !turn.trouble) turn.trouble = "The answer broke off. Try again.";
  } catch {
    if (signal.aborted) turn.stopped = true;
    else turn.trouble = "The server does not answer. Try again in a moment.";
  }
  delete turn.waiting;
  delete turn.thinking;
  if (turn.answer) {
    delete turn.partial;
    delete turn.notes;
  }
  answering = null;
  keep(here);
  if (here === conversation) draw();
  say(turn.trouble ?? (turn.stopped ? "Stopped" : turn.answer.abstained ? turn.answer.text : `Answered, with ${turn.answer.citations.length} footnotes`));
}

async function read(turn, here, article, signal) {
  const history = here.turns.slice(0, -1).filter((one) => one.answer).slice(-TURNS_SENT).flatMap((one) => [
    { role: "user", content: one.question },
    { role: "assistant", content: one.answer.text },
  ]);
  const answerer = about.answerers.includes(settings.answerer) ? settings.answerer : "";
  const body = { question: turn.question, history, k: settings.passages, strict: settings.strict, answerer };
  const response = await post("answer", body, signal);
  if (!response.ok) {
    turn.trouble = sentence((await response.json()).error);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line) happened(JSON.parse(line), turn, article);
  }
}

function happened(event, turn, article) {
  if (event.event === "waiting") {
    turn.waiting = event.ahead === null ? "Waiting for the models to open…" : `Waiting: ${event.ahead} in front of you…`;
  } else if (event.event === "found") {
    Object.assign(turn, { searched: event.searched, seconds: event.seconds, hits: event.hits });
  } else if (event.event === "note") {
    (turn.notes ??= []).push(event);
  } else if (event.event === "text") {
    showText(article, turn, event.finished, event.rest);
  } else if (event.event === "thought") {
    turn.thinking = (turn.thinking ?? "") + event.text;
    showThought(article, turn);
  } else if (event.event === "answer") {
    const { event: _, searched, ...answer } = event;
    turn.answer = answer;
  } else if (event.event === "error") {
    turn.trouble = sentence(event.message);
  }
  if (event.event === "waiting" || event.event === "found") showWaiting(article, turn);
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

const post = (path, body, signal) => fetch(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
});

const doing = {
  retry: (turn) => again(turn, turn.question),
  edit: again,
  undo(turn) {
    conversation.turns.pop();
    keepOrRemove();
    draw();
    $("question").value = turn.question;
    typed();
    $("question").focus();
  },
  async rate(turn, rating, bar) {
    if (!(await rated(turn, rating, ""))) return;
    turn.rating = rating;
    for (const button of bar.querySelectorAll("[data-rating]")) {
      button.setAttribute("aria-pressed", String(button.dataset.rating === rating));
    }
    keep(conversation);
    commentForm(turn, bar, doing);
  },
  async comment(turn, comment) {
    const saved = await rated(turn, turn.rating, comment);
    if (saved) toast("Thank you");
    return saved;
  },
};

function again(turn, question) {
  if (answering) return;
  conversation.turns.splice(conversation.turns.indexOf(turn));
  if (!conversation.turns.length) conversation.name = "";
  ask(question);
}

async function rated(turn, rating, comment) {
  try {
    const response = await post("feedback", { id: turn.answer.id, rating, comment });
    if (response.ok) return true;
    toast(sentence((await response.json()).error));
  } catch {
    toast("The server does not answer: not saved.");
  }
  return false;
}

// The conversation on the page

function draw() {
  hide();
  const turns = conversation.turns;
  $("welcome").hidden = turns.length > 0;
  $("export").hidden = !turns.some((turn) => turn.answer);
  $("turns").replaceChildren(...turns.map((turn, at) => turnView(turn, at + 1, turns.length, doing)));
  $("send").hidden = Boolean(answering);
  $("stop").hidden = !answering;
  document.title = `${conversation.name || "Footnote"} · ${about.corpus}`;
  drawList();
}

watch($("turns"), (note) => {
  const at = [...$("turns").children].indexOf(note.closest(".turn"));
  return passageOf(conversation.turns[at], note);
});

function keep(one) {
  if (!store.save(one)) toast("This browser keeps nothing: the conversation ends with the page.");
}

function keepOrRemove() {
  if (conversation.turns.length) return keep(conversation);
  store.remove(conversation.id);
  conversation = fresh();
}

function open(one) {
  answering?.abort();
  answering = null;
  conversation = one;
  history.replaceState(null, "", one.turns.length ? `#${one.id}` : location.pathname);
  closeSide();
  draw();
  scrollTo(0, 0);
}

// The list of conversations

function drawList() {
  $("conversations").replaceChildren(...store.list().map(({ id, name }) => {
    const current = id === conversation.id;
    const item = el("li", { class: current && "current" });
    const button = el("button", { type: "button", class: "open", title: name, "aria-current": current && "true", onclick: () => reopen(id) }, name);
    item.append(button,
      iconButton("edit", `Rename “${name}”`, () => renaming(item, id, name)),
      iconButton("delete", `Delete “${name}”`, () => removing(id)));
    return item;
  }));
}

function reopen(id) {
  const kept = id !== conversation.id && store.load(id);
  if (kept) open(kept);
  else closeSide();
}

function renaming(item, id, name) {
  const input = el("input", { "aria-label": "Name of the conversation", maxlength: "200" });
  input.value = name;
  let done = false;
  const finish = (renamed) => {
    if (done) return;
    done = true;
    if (renamed.trim() && renamed !== name) {
      store.rename(id, renamed.trim());
      if (id === conversation.id) conversation.name = renamed.trim();
    }
    drawList();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") finish(input.value);
    if (event.key === "Escape") finish(name);
  });
  input.addEventListener("blur", () => finish(input.value));
  item.replaceChildren(input);
  input.select();
}

function removing(id) {
  const removed = store.load(id);
  store.remove(id);
  if (id === conversation.id) open(fresh());
  else drawList();
  if (removed) toast("Deleted.", { name: "Bring it back", run: () => { store.save(removed); drawList(); } });
}

$("new").addEventListener("click", () => { open(fresh()); $("question").focus(); });

$("export").addEventListener("click", async () => {
  const turns = conversation.turns.filter((turn) => turn.answer).map(({ question, answer, hits }) => ({
    question,
    answer: answer.text,
    notes: answer.citations.map(({ marker, url, chunk_id, quote }) => ({
      marker, url, quote, place: hits.find((hit) => hit.chunk_id === chunk_id)?.place ?? url,
    })),
  }));
  const response = await post("export", { name: conversation.name, turns }).catch(() => null);
  if (!response?.ok) return toast("The conversation cannot be exported now.");
  const file = URL.createObjectURL(await response.blob());
  el("a", { href: file, download: `${conversation.name.replace(/[^\p{L}\p{N} -]/gu, "").trim() || "conversation"}.md` }).click();
  setTimeout(() => URL.revokeObjectURL(file), 1000);
});

function closeSide() {
  $("side").classList.remove("open");
  $("room").inert = false;
  $("open-side").setAttribute("aria-expanded", "false");
}

$("open-side").addEventListener("click", () => {
  $("side").classList.add("open");
  $("room").inert = true;
  $("open-side").setAttribute("aria-expanded", "true");
  $("close-side").focus();
});
$("close-side").addEventListener("click", () => { closeSide(); $("open-side").focus(); });
$("side").addEventListener("keydown", (event) => { if (event.key === "Escape") closeSide(); });
document.addEventListener("pointerdown", (event) => { if (!event.target.closest("#side")) closeSide(); });

// The question's field

function typed() {
  const { value } = $("question");
  const over = value.length > about.question;
  $("count").textContent = value.length > 0.8 * about.question ? `${value.length.toLocaleString("en")} / ${about.question.toLocaleString("en")}` : "";
  $("count").classList.toggle("over", over);
  $("send").disabled = over || !value.trim();
}

$("question").addEventListener("input", typed);
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (answering || !question || question.length > about.question) return;
  $("question").value = "";
  typed();
  ask(question);
});
$("stop").addEventListener("click", () => { answering?.abort(); $("question").focus(); });

// Settings

$("open-settings").addEventListener("click", () => {
  $("passages").max = about.passages.most;
  $("passages").value = settings.passages;
  $("passages-shown").value = settings.passages;
  $("answerer-row").hidden = about.answerers.length < 2;
  $("answerer").replaceChildren(...about.answerers.map((name) => el("option", { value: name, selected: name === settings.answerer }, name)));
  $("strict").checked = settings.strict;
  $("log-out").hidden = !about.user;
  $("settings").showModal();
});
$("passages").addEventListener("input", () => { $("passages-shown").value = $("passages").value; });
$("settings").addEventListener("close", () => {
  settings = { passages: Number($("passages").value), answerer: $("answerer").value, strict: $("strict").checked };
  store.saveSettings(settings);
});
$("log-out").addEventListener("click", async () => { await post("logout", {}); location.reload(); });

// Opening

function drawState() {
  const said = about.ready ? "Ready" : "Opening the models…";
  if ($("state-text").textContent !== said) $("state-text").textContent = said;
  $("state").className = about.ready ? "ready" : "";
  if (about.examples === null) return;
  $("examples").replaceChildren(...about.examples.map((question) => el("li", {}, el("button", { type: "button", onclick: () => ask(question) }, question))));
  $("examples").removeAttribute("aria-busy");
}

async function untilOpen() {
  while (!about.ready || about.examples === null) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    try {
      about = { ...about, ...(await (await fetch("about")).json()) };
      drawState();
    } catch {
      $("state").className = "gone";
      $("state-text").textContent = "The server does not answer";
    }
  }
}

const address = new URL(location.href);
const linked = address.searchParams.get("q")?.trim();
const kept = store.load(address.hash.slice(1));
if (linked) history.replaceState(null, "", address.pathname);
else if (kept) conversation = kept;
drawState();
draw();
typed();
untilOpen();
if (linked) linked.length > about.question ? toast("The question in the link is too long.") : ask(linked);
else if ($("question").value.endsWith("\n")) $("ask").requestSubmit(); // Enter, before this ran
