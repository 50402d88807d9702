from experiments_core.tabular.spellings import best_spelling


def test_the_most_frequent_spelling_is_kept_and_then_the_plain_one():
    assert best_spelling({"Control": 3, "control": 1}) == "Control"
    assert best_spelling({"Control": 2, "control": 2, "CONTROL": 2}) == "control"
