/* Words that come without a key press are saved as typed ones are. Gradio's text field tells the page of an input at a
   key press alone (6.31): not of a paste, a deletion, dictation, or what the keyboard of a phone writes. */
(function () {
  "use strict";

  window.songWords = function (page) {
    let pressed = false;
    page.addEventListener("keypress", () => {
      pressed = true; // the input follows in the same task, or not at all
      setTimeout(() => (pressed = false));
    });
    page.addEventListener("input", ({ target }) => {
      if (!pressed && target.matches("[data-testid=textbox]")) {
        target.dispatchEvent(new KeyboardEvent("keypress", { key: "Unidentified", bubbles: true }));
      }
    });
  };
})();
