from experiments_core.query.literals import quoted


def test_text_in_quotes_stays_text():
    assert quoted("it's") == "'it''s'"
