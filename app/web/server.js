/** What the page asks of the server, and in whose name. */

const TOKEN = "vibe-search.token";

export const UNREACHABLE = "The server cannot be reached. Check the connection and try again.";

let kept = null;
try {
  kept = sessionStorage.getItem(TOKEN);
} catch {
  // a browser that keeps nothing has it until the page is left
}

/** The token of whoever uploads; it is kept until the tab is closed. */
export const token = () => kept;

export function keepToken(value) {
  kept = value || null;
  try {
    if (kept) sessionStorage.setItem(TOKEN, kept);
    else sessionStorage.removeItem(TOKEN);
  } catch {}
}

export const authorisation = () => (token() ? { authorization: `Bearer ${token()}` } : {});

/** An answer's status and what it says; rejects when none comes. */
export async function ask(path, { headers, ...options } = {}) {
  const response = await fetch(path, { ...options, headers: { accept: "application/json", ...authorisation(), ...headers } });
  return { ok: response.ok, status: response.status, body: await response.json().catch(() => null) };
}

/** What a refusal says, in words. */
export function reason(body) {
  const detail = body?.detail;
  return Array.isArray(detail) ? detail.map((item) => item.msg).join("; ") : detail;
}

/** Hands on a track each time its processing changes, until that has ended; returns what stops it. */
export function follow(id, onTrack) {
  const events = new EventSource(`/tracks/${id}/events`);
  events.addEventListener("track", (event) => onTrack(JSON.parse(event.data)));
  events.addEventListener("end", () => events.close());
  return () => events.close();
}
