/** Uploading a track, and watching until it is searchable. */

import { byId, element } from "./elements.js";
import { UNREACHABLE, ask, authorisation, follow, keepToken, reason, token } from "./server.js";
import { tagField } from "./tags.js";

const TASKS = {
  embed_track: { queued: "Waits to be listened to", waiting: "Waits for its audio", running: "Is being listened to", done: "Is found by its sound" },
  classify_genres: { queued: "Waits for its genres", waiting: "Waits for its audio", running: "Its genres are being named", done: "Its genres are named" },
};

const dialog = byId("upload");
const form = byId("upload-form");
const file = byId("upload-file");
const title = byId("upload-title");
const progress = byId("upload-progress");
const problem = byId("upload-problem");
const steps = byId("upload-steps");

let track = null;
let unfollow = () => {};
const field = tagField(() => (track ? changeTags() : undefined));

/** Shows the form for an upload, or the last one. */
export async function openUpload() {
  if (dialog.open) return;
  dialog.showModal();
  await identify();
}

/** Shows the form to whoever may upload, and the field for a token to everybody else. */
async function identify() {
  let me = null;
  let refusal = "";
  try {
    if (token()) {
      const { ok, body } = await ask("/me");
      if (!ok) refusal = "This token is not valid.";
      else if (!body.scopes.includes("upload") || body.did === null) refusal = "This token is not for an artist’s uploads.";
      else me = body;
    }
  } catch {
    refusal = UNREACHABLE;
  }
  if (refusal && refusal !== UNREACHABLE) keepToken(null);
  byId("token-form").hidden = me !== null;
  form.hidden = me === null;
  byId("token-problem").textContent = refusal;
  byId("upload-as").textContent = me ? `As ${me.display_name}` : "";
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(byId("token").value.trim());
  byId("token").value = "";
  identify();
});
byId("token-forget").addEventListener("click", () => {
  keepToken(null);
  identify();
});

function takeFile() {
  const [chosen] = file.files;
  byId("upload-name").textContent = chosen ? chosen.name : "Drop a recording here, or choose one";
  if (chosen && !title.value) title.value = chosen.name.replace(/\.[^.]+$/, "").replaceAll("_", " ");
}

file.addEventListener("change", takeFile);
const zone = byId("upload-zone");
zone.addEventListener("dragover", () => zone.classList.add("over"));
zone.addEventListener("dragleave", () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  zone.classList.remove("over");
  if (event.dataTransfer.files.length === 0) return;
  file.files = event.dataTransfer.files;
  takeFile();
});

/** Sends a form, for fetch() does not tell how far an upload is. */
function send(fields) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => {
      progress.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => resolve({ status: request.status, body: request.response }));
    request.addEventListener("error", reject);
    request.open("POST", "/tracks");
    request.responseType = "json";
    for (const [name, value] of Object.entries(authorisation())) request.setRequestHeader(name, value);
    request.send(fields);
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  for (const tag of field.tags()) fields.append("tags", tag);
  const button = byId("upload-send");
  button.disabled = true;
  problem.textContent = "";
  progress.hidden = false;
  progress.value = 0;
  try {
    const { status, body } = await send(fields);
    if (status === 201) watch(body);
    else if (status === 401) await identify();
    else problem.textContent = `Not uploaded: ${reason(body) ?? `the server answered ${status}`}`;
  } catch {
    problem.textContent = UNREACHABLE;
  }
  progress.hidden = true;
  button.disabled = false;
});

/** Shows how far a track is, live; its tags can be changed meanwhile. */
function watch(uploaded) {
  byId("upload-fields").hidden = true;
  byId("upload-send-row").hidden = true;
  byId("upload-done").hidden = false;
  byId("upload-look").dataset.track = uploaded.id;
  byId("upload-heading").textContent = uploaded.title;
  field.set(uploaded.tags);
  showState(uploaded);
  unfollow = follow(uploaded.id, showState);
}

function showState(changed) {
  const known = track?.processing;
  track = changed;
  const texts = changed.processing.tasks.filter(({ task, state }) => task in TASKS && state !== "missing").map((one) => {
    const text = TASKS[one.task][one.state] ?? `Could not be listened to: ${one.reason ?? "it is tried again later"}`;
    return element("li", { className: one.state }, text);
  });
  const finished = !["queued", "running", "waiting"].includes(changed.processing.state);
  const end = { done: "Searchable by name and by sound", failed: "Searchable by name" }[changed.processing.state];
  steps.replaceChildren(element("li", { className: "done" }, "Is found by its name"), ...texts);
  byId("upload-state").textContent = finished ? end ?? "Searchable by name" : "Being processed …";
  const named = ({ tasks } = { tasks: [] }) => tasks.some(({ task, state }) => task === "classify_genres" && state === "done");
  if (named(changed.processing) && !named(known)) {
    field.set([...new Set([...field.tags(), ...changed.tags])]);
    suggestTags();
  }
}

async function suggestTags() {
  const { body } = await ask(`/tracks/${track.id}/recommended-tags`).catch(() => ({}));
  field.suggest((body?.tags ?? []).map(({ name }) => name));
}

async function changeTags() {
  const options = { method: "PATCH", body: JSON.stringify({ tags: field.tags() }), headers: { "content-type": "application/json" } };
  try {
    const { ok, body } = await ask(`/tracks/${track.id}`, options);
    problem.textContent = ok ? "" : `The tags were not changed: ${reason(body) ?? ""}`;
  } catch {
    problem.textContent = UNREACHABLE;
  }
}

byId("upload-another").addEventListener("click", () => {
  unfollow();
  track = null;
  form.reset();
  takeFile();
  field.set([]);
  field.suggest([]);
  byId("upload-heading").textContent = "Upload a track";
  byId("upload-fields").hidden = false;
  byId("upload-send-row").hidden = false;
  byId("upload-done").hidden = true;
});
