/** Which letters of a name answer a query. */

import { element } from "./elements.js";

// Letters that Unicode does not decompose, though people type them without the stroke or ligature.
const UNDECOMPOSED = { ø: "o", æ: "ae", œ: "oe", ß: "ss", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

/** Folds case, accents and apostrophes away, remembering where each folded letter came from. */
function fold(text) {
  let letters = "";
  const origins = [];
  let start = 0;
  for (const character of text) {
    const plain = [...character.normalize("NFKD").toLowerCase()]
      .map((part) => UNDECOMPOSED[part] ?? part.replace(/[\p{M}'’ʼ]/gu, ""))
      .join("");
    letters += plain;
    for (let i = 0; i < plain.length; i += 1) origins.push([start, start + character.length]);
    start += character.length;
    // What folds to nothing (an accent, an apostrophe) belongs to the letter before it.
    if (plain === "" && origins.length > 0) origins.at(-1)[1] = start;
  }
  return { letters, origins };
}

function wordsIn(letters) {
  return [...letters.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({ text: match[0], start: match.index }));
}

/** Positions in `word` of a longest common subsequence with `typed`. */
function commonLetters(typed, word) {
  const lengths = Array.from({ length: typed.length + 1 }, () => new Uint16Array(word.length + 1));
  for (let i = typed.length - 1; i >= 0; i -= 1) {
    for (let j = word.length - 1; j >= 0; j -= 1) {
      lengths[i][j] =
        typed[i] === word[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const positions = [];
  for (let i = 0, j = 0; i < typed.length && j < word.length; ) {
    if (typed[i] === word[j]) {
      positions.push(j);
      i += 1;
      j += 1;
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i += 1;
    else j += 1;
  }
  return positions;
}

/** Folded positions of `typed` in the text: word starts if there are any, else anywhere, else the likest word. */
function findLetters(typed, letters, words) {
  const run = (start) => Array.from(typed, (_, i) => start + i);
  const starts = words.filter((word) => word.text.startsWith(typed)).map((word) => word.start);
  if (starts.length > 0) return starts.flatMap(run);
  if (typed.length < 2) return [];
  const inside = letters.indexOf(typed);
  if (inside >= 0) return run(inside);
  let best = { likeness: 0, positions: [] };
  for (const word of words) {
    const positions = commonLetters(typed, word.text);
    const likeness = (2 * positions.length) / (typed.length + word.text.length);
    if (positions.length >= 0.7 * typed.length && likeness > best.likeness) {
      best = { likeness, positions: positions.map((at) => word.start + at) };
    }
  }
  return best.likeness >= 0.5 ? best.positions : [];
}

/** The text with the letters that answer the query in <mark>. */
export function highlight(text, query) {
  const { letters, origins } = fold(text);
  const words = wordsIn(letters);
  const marked = new Uint8Array(text.length);
  for (const typed of wordsIn(fold(query).letters)) {
    for (const at of findLetters(typed.text, letters, words)) marked.fill(1, ...origins[at]);
  }
  const fragment = document.createDocumentFragment();
  for (let start = 0; start < text.length; ) {
    let end = start + 1;
    while (end < text.length && marked[end] === marked[start]) end += 1;
    const part = text.slice(start, end);
    fragment.append(marked[start] ? element("mark", {}, part) : part);
    start = end;
  }
  return fragment;
}
