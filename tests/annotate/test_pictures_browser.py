"""The strip above the wave, in a real browser."""

import pytest

pytestmark = pytest.mark.browser

BRIGHT = """(place) => {
  const canvas = document.querySelector("#annotate-timeline .sst-strip canvas");
  const [r, g, b] = canvas.getContext("2d").getImageData(place * canvas.width, canvas.height / 2, 1, 1).data;
  return r + g + b;
}"""


def test_v_shows_a_spectrogram_then_what_is_like_this_part_then_nothing(person):
    strip = person.root.locator(".sst-strip")
    person.press("Home", "b", "Shift+G")
    person.saved("5 sections")
    person.press("v")
    person.page.wait_for_function(f"({BRIGHT})(0.3) > 60")
    assert strip.bounding_box()["height"] > 60
    person.press("v")
    person.click(8, ".sst-sections")
    person.page.wait_for_function(f"({BRIGHT})(0.5) > 450 && ({BRIGHT})(0.3) < 300")  # the third part, not the second
    person.click(24, ".sst-sections")
    person.page.wait_for_function(f"({BRIGHT})(0.3) > 450 && ({BRIGHT})(0.5) < 300")
    person.press("v")
    strip.wait_for(state="hidden")
    person.press("v")
    person.page.reload()
    person.opened("band.wav")
    strip.wait_for()  # the browser remembers
