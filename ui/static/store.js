// Conversations, kept in this browser: an index of names, and each conversation under its own key.

const PREFIX = `footnote ${location.pathname} `;
const INDEX = `${PREFIX}index`;

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

// Writes what fits; the oldest conversations make room. False where the browser keeps nothing.
function write(key, value) {
  for (;;) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      const oldest = list().findLast((one) => key !== PREFIX + one.id);
      if (!oldest) return false;
      remove(oldest.id);
    }
  }
}

// Newest first: {id, name}.
export const list = () => read(INDEX, []);

export const load = (id) => read(PREFIX + id, null);

export function save(conversation) {
  const kept = write(PREFIX + conversation.id, conversation);
  const others = list().filter((one) => one.id !== conversation.id);
  return kept && write(INDEX, [{ id: conversation.id, name: conversation.name }, ...others]);
}

export function rename(id, name) {
  const conversation = load(id);
  if (conversation) write(PREFIX + id, { ...conversation, name });
  write(INDEX, list().map((one) => (one.id === id ? { id, name } : one)));
}

export function remove(id) {
  localStorage.removeItem(PREFIX + id);
  localStorage.setItem(INDEX, JSON.stringify(list().filter((one) => one.id !== id)));
}

export const settings = () => read(`${PREFIX}settings`, {});

export const saveSettings = (values) => write(`${PREFIX}settings`, values);
