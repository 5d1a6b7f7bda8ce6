/** A field for tags: those that are there as chips, and suggestions as dashed ones. */

import { byId, element } from "./elements.js";
import { ask } from "./server.js";

const DEBOUNCE_MS = 200;

/** A tag in the form in which the server keeps it. */
const clean = (text) => text.trim().replace(/^#/, "").replace(/\s+/g, " ").toLowerCase();

/** Binds the field; `onChange` hears of each change that a person makes. */
export function tagField(onChange) {
  const input = byId("tags");
  const added = byId("tags-added");
  const offered = byId("tags-offered");
  let tags = [];
  let suggestions = [];
  let known = [];
  let timer = 0;

  function show() {
    added.replaceChildren(
      ...tags.map((name) => {
        const button = element("button", { type: "button", className: "chip", ariaLabel: `Remove ${name}` }, `${name} ✕`);
        button.addEventListener("click", () => change(tags.filter((other) => other !== name)));
        return element("li", {}, button);
      }),
    );
    const typed = new Set(input.value.split(",").map(clean));
    offered.replaceChildren(
      ...[...new Set([...suggestions, ...known])].filter((name) => !tags.includes(name) && !typed.has(name)).map((name) => {
        const button = element("button", { type: "button", className: "chip dashed", ariaLabel: `Add ${name}` }, `+ ${name}`);
        button.addEventListener("click", () => {
          // what was being written has led to it
          if (known.includes(name)) input.value = "";
          change([...tags, name]);
        });
        return element("li", {}, button);
      }),
    );
  }

  function change(wanted) {
    tags = [...new Set(wanted)];
    show();
    input.focus();
    onChange();
  }

  /** Makes chips of what is written; of all of it, or of what a comma ends. */
  function take(all = true) {
    const written = input.value.split(",");
    input.value = all ? "" : written.pop().trimStart();
    const names = written.map(clean).filter(Boolean);
    if (names.length > 0) change([...tags, ...names]);
  }

  /** Offers tags of the library that begin like what is written, so that it does not get a second spelling of one. */
  async function offerKnown() {
    const q = input.value.trim();
    const path = `/search/?${new URLSearchParams({ q, type: "tags", limit: 5 })}`;
    const { body } = q.length < 2 ? {} : await ask(path).catch(() => ({}));
    if (q !== input.value.trim()) return;
    known = (body?.results ?? []).map(({ name }) => name);
    show();
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offerKnown, DEBOUNCE_MS);
    if (input.value.includes(",")) take(false);
    else show();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && input.value.trim()) {
      event.preventDefault();
      take();
    } else if (event.key === "Backspace" && input.value === "" && tags.length > 0) change(tags.slice(0, -1));
  });
  // on the way to a suggestion nothing is made of what was written
  input.addEventListener("blur", (event) => {
    if (!offered.contains(event.relatedTarget)) take();
  });

  return {
    /** All tags; what is still being written as well. */
    tags: () => [...new Set([...tags, ...input.value.split(",").map(clean).filter(Boolean)])],
    set(names) {
      tags = [...names];
      show();
    },
    suggest(names) {
      suggestions = names.map(clean);
      show();
    },
  };
}
