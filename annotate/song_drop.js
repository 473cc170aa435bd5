/* Songs dropped on the page, files or folders, are added as if they had been chosen with "Add songs…". */
(function () {
  "use strict";

  const WANTED = /\.(wav|flac|ogg|oga|opus|mp3|m4a|aac|aif|aiff|zip|json|txt)$/i; // of a folder; single files all go, and are refused by name

  /* `page`: what may be dropped on. `input()`: the file input that takes the songs. */
  window.songDrop = function (page, input) {
    let depth = 0; // of elements that are dragged over: each child entered comes before its parent is left
    const show = (on) => page.classList.toggle("sst-dropping", on);
    const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files") && input();

    page.addEventListener("dragenter", (event) => holdsFiles(event) && show(++depth > 0));
    page.addEventListener("dragleave", (event) => holdsFiles(event) && show((depth = Math.max(0, depth - 1)) > 0));
    page.addEventListener("dragover", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    });
    page.addEventListener("drop", async (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      show(false);
      const files = await filesOf(event.dataTransfer);
      if (!files.length) return;
      const chosen = new DataTransfer();
      for (const file of files) chosen.items.add(file);
      input().files = chosen.files;
      input().dispatchEvent(new Event("change", { bubbles: true }));
    });
  };

  /* Entries must be taken before the first await: the browser empties the list after the event. */
  async function filesOf(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
    const found = [];
    for (const entry of entries) if (entry) await walk(entry, found, !entry.isDirectory);
    return found;
  }

  async function walk(entry, found, named) {
    if (entry.isFile) {
      if (named || (WANTED.test(entry.name) && !entry.name.startsWith("."))) {
        found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
      }
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a hundred entries at a time
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const one of some) await walk(one, found, false);
    }
  }
})();
