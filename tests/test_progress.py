"""What a bar says of work that has several stages, some of which come again and are longer then."""

from toy.progress import Progress, bars, duration


def said(capsys, *steps: Progress) -> list[str]:
    """What each bar ends with, one a line."""
    with bars() as report:
        for step in steps:
            report(step)
    return [line.split("\r")[-1] for line in capsys.readouterr().err.split("\n") if line]


def test_a_stage_that_goes_on_with_more_to_do_has_all_of_it(capsys):
    looks = [Progress("measuring", done, total) for done, total in ((0, 18), (18, 18), (18, 36), (36, 36))]
    assert [line.split()[-1] for line in said(capsys, *looks)] == ["36/36"]


def test_a_stage_that_comes_again_has_a_bar_of_its_own(capsys):
    steps = [Progress(stage, done, 4) for stage in ("training", "measuring") * 2 for done in (0, 4)]
    lines = said(capsys, *steps)
    assert [line.split(":")[0] for line in lines] == ["training", "measuring"] * 2
    assert all(line.endswith("4/4") for line in lines)


def test_what_else_is_worth_seeing_stands_beside_it(capsys):
    (line,) = said(capsys, Progress("measuring", 3, 9, left=75.4, note="cfg"))
    assert line.endswith("3/9, cfg, 75 s left")


def test_a_remaining_time_has_no_digits_that_it_does_not_have():
    assert [duration(s) for s in (0.4, 89, 90, 5399, 5400, 9000)] == [
        "0 s left", "89 s left", "2 min left", "90 min left", "1.5 h left", "2.5 h left",
    ]  # fmt: skip
