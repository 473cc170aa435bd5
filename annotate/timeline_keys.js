/* Keys of the timeline, and the sheet that lists them. */
(function () {
  "use strict";

  const { element } = window.TimelineElements;

  const KEYS = [
    ["Space", "play, pause"],
    ["Shift+Space", "play the part, from its start to its end"],
    ["O", "play the part again and again, or no longer"],
    ["[ ]", "a range of your own begins, ends at the play head"],
    ["L J K", "play and faster, slower (0.5 to 2 ×, pitch kept), stop"],
    ["M", "clicks on the beats, higher on beat one, lower where a part begins"],
    ["B or Enter", "begin a part at the beat under the play head (a click on the waveform begins one there)"],
    ["Shift+B", "the same, exactly at the play head (with Alt a click is exact too)"],
    ["G", "let a machine propose the parts of a song that has none yet"],
    ["1 … 9", "name the part: selected, or under the play head while playing"],
    ["Shift+1 … 6", "a riser, fill, drop-out, filter sweep, key change, crash at the play head (1 … 6 name a selected one)"],
    ["P", "name it as is most likely (dotted: likely names)"],
    ["E", "give its name to every part that sounds like it"],
    ["S", "cut the part in half"],
    ["D", "end the part after as long as the last one of its name"],
    ["Shift+G", "cut the part every eight bars"],
    ["A, R", "accept, reject what a machine heard here; Shift+A accepts all it is 80 % sure of"],
    ["0", "leave the part free: nothing is said about it"],
    ["W, I, C, H", "words for the model, intensity, comment, what is sung (Enter goes back, from what is sung Ctrl+Enter)"],
    ["U", "unsure of it, or no longer"],
    ["/", "name the part with a word of your own"],
    ["Delete", "remove the selected moment, else join the two parts at the selected or nearest boundary (a click with Shift on one joins too)"],
    [", .", "move that boundary, or the selected moment, by 10 ms, with Shift by a beat"],
    ["N", "snap to beats, or not"],
    ["T", "a bar begins at the play head: its nearest beat is beat one"],
    ["Ctrl+Z", "undo"],
    ["Ctrl+Y, Ctrl+Shift+Z", "redo"],
    ["X", "hear the song, or what a model made of its structure, once it did"],
    ["← →", "a beat back, forward; with Shift a bar, with Ctrl 8 bars (without beats 1, 5, 15 s)"],
    ["↑ ↓", "previous, next boundary"],
    ["Y", "to the next boundary, and hear what is around it"],
    ["Home, End", "start, end of the song"],
    ["- =", "zoom out, in (or turn the wheel; with Shift it pans)"],
    ["V", "a strip above the wave: spectrogram, how like this part each moment sounds, none"],
    ["F, Z", "whole song, this part"],
    ["Page Down, Page Up", "next, previous song; with Shift the next one that is not marked"],
    ["Q, Shift+U", "next song with a problem, with a doubt"],
    ["Esc", "let go, close this sheet"],
  ];
  const VIEW_KEYS = new Set(["Space", "← →", "↑ ↓", "Home, End", "- =", "F, Z", "Esc", "Shift+Space", "O", "[ ]", "L J K", "Y", "V"]);

  window.timelineKeys = function (timeline) {
    const { root, q, colours, edits, parts, sound } = timeline;

    function press(event) {
      if (event.target.closest?.("input, textarea, select, [contenteditable]") || event.altKey) return;
      if (event.target.closest?.(".sst-keys") && /^(Arrow|Page|Home|End)/.test(event.key)) return; // scrolls the sheet
      if (event.target.closest?.("button, summary") && (event.key === " " || event.key === "Enter")) return;
      const action = event.ctrlKey || event.metaKey ? withControl(event) : alone(event);
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    }

    function withControl(event) {
      const letter = event.key.toLowerCase();
      if (letter === "z") return () => edits.travel(!event.shiftKey);
      if (letter === "y") return () => edits.travel(false);
      if (letter === "s") return () => {}; // saved already; the browser's own dialogue would only puzzle
      if (event.key === "ArrowLeft") return () => edits.step(-1, event);
      if (event.key === "ArrowRight") return () => edits.step(1, event);
      return null;
    }

    function alone(event) {
      if (event.shiftKey && event.code === "Comma") return () => edits.nudgeBeat(-1);
      if (event.shiftKey && event.code === "Period") return () => edits.nudgeBeat(1);
      const digit = /^Digit[1-9]$/.test(event.code) ? Number(event.code.slice(5)) : Number(event.key); // Shift+1 is "!" on many
      if (digit) return byDigit(digit - 1, event.shiftKey);
      const mark = () => edits.mark(timeline.head, { playing: !timeline.audio.paused, free: event.shiftKey });
      const whole = () => timeline.setView(0, timeline.model.duration);
      const actions = {
        " ": event.shiftKey ? sound.playPart : sound.toggle,
        o: sound.toggleLoop,
        O: sound.toggleLoop,
        "[": sound.loopFrom,
        "]": sound.loopTo,
        l: sound.faster,
        L: sound.faster,
        j: sound.slower,
        J: sound.slower,
        k: sound.stop,
        K: sound.stop,
        m: timeline.editable ? timeline.clicks.toggle : null,
        M: timeline.editable ? timeline.clicks.toggle : null,
        b: mark,
        B: mark,
        Enter: mark,
        g: edits.propose,
        G: event.shiftKey ? parts.cutInEights : edits.propose,
        p: parts.nameLikely,
        P: parts.nameLikely,
        e: parts.nameAlike,
        E: parts.nameAlike,
        s: parts.split,
        S: parts.split,
        d: parts.extend,
        D: parts.extend,
        a: parts.accept,
        A: event.shiftKey ? parts.acceptSure : parts.accept,
        r: parts.reject,
        R: parts.reject,
        z: parts.zoom,
        Z: parts.zoom,
        0: () => edits.rename(null),
        Delete: edits.remove,
        Backspace: edits.remove,
        ",": () => edits.nudge(-0.01),
        ".": () => edits.nudge(0.01),
        ArrowLeft: () => edits.step(-1, event),
        ArrowRight: () => edits.step(1, event),
        ArrowUp: () => edits.jump(-1),
        ArrowDown: () => edits.jump(1),
        w: timeline.details.words,
        W: timeline.details.words,
        i: timeline.details.intensity,
        I: timeline.details.intensity,
        c: timeline.details.comment,
        C: timeline.details.comment,
        h: timeline.details.sung,
        H: timeline.details.sung,
        u: timeline.details.toggleUnsure,
        U: event.shiftKey ? () => edits.nextSong("unsure") : timeline.details.toggleUnsure,
        q: () => edits.nextSong("problem"),
        Q: () => edits.nextSong("problem"),
        v: timeline.pictures.toggle,
        V: timeline.pictures.toggle,
        y: edits.check,
        Y: edits.check,
        x: timeline.twin.switchVersion,
        X: timeline.twin.switchVersion,
        n: timeline.beats.toggleSnapping,
        N: timeline.beats.toggleSnapping,
        t: timeline.beats.one,
        T: timeline.beats.one,
        Home: () => edits.seekTo(0),
        End: () => edits.seekTo(timeline.model.duration),
        "-": () => timeline.zoomAtHead(1.6),
        "=": () => timeline.zoomAtHead(1 / 1.6),
        "+": () => timeline.zoomAtHead(1 / 1.6),
        f: whole,
        F: whole,
        "/": timeline.editable ? () => q(".sst-names input").focus() : null,
        "?": toggleSheet,
        PageDown: () => (event.shiftKey ? edits.nextSong("unmarked") : edits.otherSong(1)),
        PageUp: () => edits.otherSong(-1),
        Escape: letGo,
      };
      return actions[event.key] || null;
    }

    /* A name for what is selected; with Shift a moment of that kind at the play head. */
    function byDigit(place, shift) {
      const moment = colours.moments[place], playing = !timeline.audio.paused;
      if (shift) return moment ? () => timeline.moments.add(moment, timeline.head, { playing }) : null;
      const name = timeline.selected?.moment ? moment : timeline.digits[place];
      return name ? () => edits.rename(name) : null;
    }

    function letGo() {
      sheet(false);
      timeline.pointer.letGo();
      edits.select(null);
    }

    function toggleSheet() {
      sheet(q(".sst-keys").hidden);
    }

    function sheet(open) {
      const box = q(".sst-keys");
      if (open && !box.children.length) {
        const list = element("dl");
        for (const [keys, does] of KEYS) {
          if (root.dataset.mode !== "view" || VIEW_KEYS.has(keys)) list.append(element("dt", "", keys), element("dd", "", does));
        }
        const close = element("button", "", "Close");
        close.type = "button";
        close.addEventListener("click", () => sheet(false));
        box.append(list, close);
      }
      const left = !open && box.contains(document.activeElement);
      box.hidden = !open;
      if (open) box.focus({ preventScroll: true });
      else if (left) root.focus({ preventScroll: true });
    }

    return { press, toggleSheet };
  };
})();
