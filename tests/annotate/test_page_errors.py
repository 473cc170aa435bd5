"""A slip as the page shows it."""

import gradio as gr
import pytest

from annotate.page_errors import errors_shown, or_error
from structure.errors import StudioError


def test_a_slip_is_shown_letter_by_letter_where_gradio_reads_html():
    with pytest.raises(gr.Error) as shown, errors_shown():
        raise StudioError('`<img src="http://elsewhere/x">.wav`: it\'s no audio.')
    assert shown.value.message == '`&lt;img src="http://elsewhere/x"&gt;.wav`: it\'s no audio.'
    assert not shown.value.print_exception


def test_what_goes_well_is_handed_on_and_a_fault_of_ours_stays_one():
    assert or_error(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError), errors_shown():
        _ = 1 / 0
