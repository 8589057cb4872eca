// The passage behind a footnote, shown where the pointer or the keyboard is on its number.

import { $, link } from "./dom.js";

const AROUND = 450; // characters shown on either side of the quotation
const card = $("card");
let shownFor = null;
let hiding;

// `passageOf(element)` gives {quote, url, place, text} for a footnote's number.
export function watch(container, passageOf) {
  const noteAt = (event) => event.target.closest?.("a.note, .doubt");
  let touched = false;
  container.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; });
  container.addEventListener("pointerover", (event) => {
    const note = noteAt(event);
    if (note && event.pointerType !== "touch") show(note, passageOf(note));
  });
  container.addEventListener("pointerout", (event) => { if (noteAt(event)) hideSoon(); });
  container.addEventListener("focusin", (event) => {
    const note = noteAt(event);
    if (note) show(note, passageOf(note));
  });
  container.addEventListener("focusout", (event) => { if (noteAt(event)) hideSoon(); });
  container.addEventListener("click", (event) => {
    const note = noteAt(event);
    if (!note || (!touched && note.matches("a[href]"))) return;
    event.preventDefault(); // a tap shows the passage; its link is on the card
    show(note, passageOf(note));
  });
}

card.addEventListener("pointerenter", () => clearTimeout(hiding));
card.addEventListener("pointerleave", hideSoon);
card.addEventListener("focusin", () => clearTimeout(hiding));
card.addEventListener("focusout", hideSoon);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("#card, .note, .doubt")) hide();
});

function show(note, passage) {
  clearTimeout(hiding);
  if (!passage || shownFor === note) return;
  hide();
  shownFor = note;
  note.classList.add("shown");
  note.setAttribute("aria-describedby", "card-quote");
  $("card-place").textContent = passage.place;
  $("card-quote").replaceChildren(...quoted(passage.text, passage.quote));
  const address = link(passage.url, "Open the passage ↗");
  address.id = "card-link";
  $("card-link").replaceWith(address);
  address.hidden = !passage.url;
  card.hidden = false;
  place(note);
  const mark = card.querySelector("mark");
  $("card-quote").scrollTop = mark ? mark.offsetTop - $("card-quote").offsetTop - 40 : 0;
}

// The text around the quotation, which is marked.
function quoted(text, quote) {
  const start = quote ? text.indexOf(quote) : -1;
  if (start < 0) return [text.slice(0, 2 * AROUND) + (text.length > 2 * AROUND ? " …" : "")];
  const end = start + quote.length;
  const from = Math.max(0, start - AROUND);
  const to = Math.min(text.length, end + AROUND);
  const mark = document.createElement("mark");
  mark.textContent = quote;
  return [(from ? "… " : "") + text.slice(from, start), mark, text.slice(end, to) + (to < text.length ? " …" : "")];
}

function place(note) {
  const at = note.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left - 24), innerWidth - card.offsetWidth - 8);
  const below = at.bottom + 8 + card.offsetHeight < innerHeight - 90;
  const top = below || at.top < card.offsetHeight + 70 ? at.bottom + 8 : at.top - card.offsetHeight - 8;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${top + scrollY}px`;
}

function hideSoon() {
  clearTimeout(hiding);
  hiding = setTimeout(hide, 220);
}

export function hide() {
  clearTimeout(hiding);
  card.hidden = true;
  shownFor?.classList.remove("shown");
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
}
