import re

from brainlite.display._table import Table


def test_columns_are_as_wide_as_their_widest_text() -> None:
    table = Table(["path", "n"], [["a.long.path", "1"], ["b", "1,000"]], ["total: 1,001"], [1])
    assert table.text() == (
        "path             n\n"
        "------------------\n"
        "a.long.path      1\n"
        "b            1,000\n"
        "------------------\n"
        "total: 1,001"
    )


def test_a_table_without_rows_is_its_header() -> None:
    assert Table(["path"], []).text() == "path\n----"


def test_html_is_escaped() -> None:
    page = Table(["<b>"], [["a & b"]], ["<i>"]).html()
    assert "&lt;b&gt;" in page
    assert "a &amp; b" in page
    assert "&lt;i&gt;" in page


def test_names_may_be_cut_on_a_page_and_numbers_not() -> None:
    table = Table(["path", "input", "size"], [["a", "b", "1"]], right=[2], spare=[1], names=[0])
    cells = re.findall(r'<td style="([^"]*)">', table.html())
    assert ["anywhere" in style for style in cells] == [True, False, False]
    assert ["white-space:pre;" in style for style in cells] == [False, False, True]
    narrow = re.findall(r'<td style="([^"]*)">', table.fitted(8).html())
    assert ["anywhere" in style for style in narrow] == [True, False]
