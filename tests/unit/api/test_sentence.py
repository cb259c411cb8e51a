import pytest

from shared.api.sentence import sentence


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 5 * * *", "Every day at 05:00, UTC"),
        ("30 6 * * 1-5", "Every weekday at 06:30, UTC"),
        ("0 22 * * 0", "Every Sunday at 22:00, UTC"),
        ("0 22 * * 7", "Every Sunday at 22:00, UTC"),
        ("15 4 1 * *", "On day 1 of every month at 04:15, UTC"),
        ("0 * * * *", "Every hour, on the hour, UTC"),
        ("20 * * * *", "Every hour, 20 minutes past, UTC"),
        ("*/15 * * * *", "Every 15 minutes, UTC"),
        ("5 */6 * * *", "Every 6 hours, 5 minutes past, UTC"),
        ("*/15 * * * 1-5", "By the cron expression */15 * * * 1-5, UTC"),
        ("*/7 * * * *", "By the cron expression */7 * * * *, UTC"),
        ("0 5 * 1 *", "By the cron expression 0 5 * 1 *, UTC"),
        ("0 5 1 * 1", "By the cron expression 0 5 1 * 1, UTC"),
        ("0,30 5 * * *", "By the cron expression 0,30 5 * * *, UTC"),
        ("off", "Runs only when somebody starts it or a segment lands"),
    ],
)
def test_common_schedules_are_said_in_words_and_others_as_they_stand(cron: str, said: str) -> None:
    assert sentence(cron, "UTC") == said
