/** Search by sound: a clip that is dropped or chosen, or ten seconds from the microphone. */

import { byId } from "./elements.js";
import { say, searchBySound } from "./search.js";

const RECORDED_SECONDS = 10;

const form = byId("form");
const choose = byId("clip");
const microphone = byId("record");

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

form.addEventListener("dragover", () => form.classList.add("over"));
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  form.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) searchBySound(file, `“${file.name}”`);
});

// A file that misses the box must not take the place of the page.
for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
}

byId("choose-clip").addEventListener("click", () => choose.click());
choose.addEventListener("change", () => {
  const [file] = choose.files;
  if (file) searchBySound(file, `“${file.name}”`);
  choose.value = "";
});

let recorder = null;

function showRecording(on) {
  microphone.ariaPressed = String(on);
  microphone.ariaLabel = on ? "Stop recording, and search" : "Record ten seconds, and search by them";
}

async function record() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    say("The microphone cannot be used: allow it for this page, or drop a clip on the box", true);
    return;
  }
  recorder = new MediaRecorder(stream);
  const parts = [];
  let left = RECORDED_SECONDS;
  const tick = () => {
    if (left === 0) recorder.stop();
    else say(`Recording: ${left} s`);
    left -= 1;
  };
  const ticking = setInterval(tick, 1000);
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => {
    clearInterval(ticking);
    for (const track of stream.getTracks()) track.stop();
    showRecording(false);
    searchBySound(new File(parts, "recording", { type: recorder.mimeType }), "the recording");
    recorder = null;
  });
  recorder.start();
  showRecording(true);
  tick();
}

// Without a secure context a browser has no microphone to offer.
microphone.hidden = !navigator.mediaDevices?.getUserMedia;
microphone.addEventListener("click", () => {
  if (recorder) recorder.stop();
  else record();
});
