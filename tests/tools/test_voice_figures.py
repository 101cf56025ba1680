"""The figures of the prose are counted as they say."""

import pytest

from tools.voice_figures import figures, prose

TEXT = """\
# A heading that isn't read

It doesn't stop. Nobody told the loop, which sleeps inside `accept` until another client comes along
one day, so it never looks at the flag that we've set.

| a | table |
|---|---|

- So it waits. (See [the manual](https://example.org/and/nobody).)

```python
and_code = "is not prose"
```
"""


def test_what_counts_as_prose():
    first, second = filter(None, prose(TEXT))
    assert first.startswith("It doesn't stop.") and first.endswith("we've set.")
    assert second == "So it waits. (See the manual.)"


def test_the_figures_of_a_text():
    found = figures([*prose(TEXT)])
    assert found["words"] == 3 + 25 + 3 + 3
    assert found["mean"] == pytest.approx(34 / 4)
    assert found["long %"] == found["and %"] == 25 and found["short %"] == 75
    assert found["'s/1k"] == pytest.approx(1000 * 2 / 34)
    assert found["nob/1k"] == found["tell/1k"] == pytest.approx(1000 / 34)


def test_no_text_has_no_figures():
    assert set(figures([]).values()) == {0, 1}
