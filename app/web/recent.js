/** The last searches, which this browser alone knows. */

const KEY = "vibe-search.recent";
const MOST = 6;

// a browser may refuse to keep anything
export function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(kept) ? kept.filter((query) => typeof query === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function keep(queries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(queries));
  } catch {}
}

export const forget = (query) => keep(recent().filter((other) => other !== query));

/** Keeps a query that has led somewhere. */
export function remember(query) {
  const others = recent().filter((other) => other.toLowerCase() !== query.toLowerCase());
  keep([query, ...others].slice(0, MOST));
}
