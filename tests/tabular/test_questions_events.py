from .conftest import Judge, asked


def test_an_event_log_asks_for_its_exposure_conversion_and_window(detected: Judge):
    lines = "".join(
        f"u{n // 2},{'a' if n % 4 > 1 else 'b'},{'view' if n % 2 else 'Buy'},2026-05-01\n"
        for n in range(40)
    )
    questions = asked(detected("user_id,variant,event,at_time\n" + lines))
    assert questions["EXPOSURE_EVENT"].default == "view"
    assert [c.value for c in questions["CONVERSION_EVENT"].choices] == ["Buy"]
    assert "several rows per user_id" in questions["CONVERSION_EVENT"].text
    assert questions["CONVERSION_WINDOW"].default == "all"


def test_an_exposure_that_alone_carries_the_variant_is_not_asked_about(detected: Judge):
    lines = "".join(
        f"u{n // 2},{'' if n % 2 else 'ab'[n % 4 // 2]},{'buy' if n % 2 else 'seen'}\n"
        for n in range(40)
    )
    seen = detected("user_id,variant,event\n" + lines)
    assert seen.proposal.exposure_event == "seen"
    assert "EXPOSURE_EVENT" not in asked(seen)
