// Making elements. Text becomes text nodes, so nothing that is said can become markup.

export const $ = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const iconButton = (name, label, onclick) =>
  el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick }, icon(name));

// A link to a passage. The server sends no other addresses than http and https; nothing else is
// made a link here either.
export function link(url, ...children) {
  if (!/^https?:\/\//i.test(url)) return el("span", {}, ...children);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

let fading;

export function toast(text, action) {
  clearTimeout(fading);
  const button = action && el("button", { type: "button", onclick: () => { $("toast").replaceChildren(); action.run(); } }, action.name);
  $("toast").replaceChildren(text, ...(button ? [button] : []));
  fading = setTimeout(() => $("toast").replaceChildren(), action ? 8000 : 3500);
}

export const say = (text) => { $("spoken").textContent = text; };

export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // without TLS there is no clipboard but the old one
    const area = el("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(said);
}
