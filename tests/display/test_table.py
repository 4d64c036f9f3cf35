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
