// What pages need beside HTML: parts that follow something, and keys. Without it everything but following works.
"use strict";

// What is offered elsewhere on the page as long as the part that is followed says so; what was typed there stays.
function offer(element) {
  document.querySelectorAll("[data-offered]").forEach((offered) => {
    offered.hidden = !element.querySelector(`[data-offer="${CSS.escape(offered.dataset.offered)}"]`);
  });
}

function follow(element) {
  const source = new EventSource(element.dataset.live);
  const sign = document.querySelector("[data-live-sign]");
  const say = (name) => {
    if (sign) {
      sign.textContent = sign.dataset[name];
      sign.classList.toggle("lost", ["lost", "out"].includes(name));
    }
  };
  source.onopen = () => say("on");
  source.onerror = () => say("lost");
  source.onmessage = (event) => {
    say("on");
    element.dispatchEvent(new CustomEvent("live", { detail: JSON.parse(event.data) }));
  };
  source.addEventListener("end", (event) => {
    source.close();
    say(event.data);
  });
  window.addEventListener("pagehide", () => source.close());
}

document.querySelectorAll("[data-live]").forEach((element) => {
  // The server made and escaped this text, as it does the whole page.
  if (element.dataset.liveKind === "text") {
    element.addEventListener("live", (event) => {
      element.innerHTML = event.detail;
      offer(element);
    });
  }
  follow(element);
});

// Whoever writes is there: the session must not end, and the text be lost, before the form is sent.
const ALIVE_MILLISECONDS = 60_000;
let lastSaid = Date.now();
document.addEventListener("input", () => {
  if (Date.now() - lastSaid > ALIVE_MILLISECONDS) {
    lastSaid = Date.now();
    fetch("/alive").catch(() => {});
  }
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea");
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const field = document.querySelector(`[data-focus-key="${CSS.escape(event.key)}"]`);
  if (field) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});
