"""What goes wrong with one e-mail is seen, and does not touch the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from support import address, analytics_of, ended, numbers, page_of, sign_up, wait_for_mails

from christmas_campaign import notion_pages
from christmas_campaign import notion_schema as schema
from christmas_campaign.cli.stack import Stack


@contextmanager
def template(stack: Stack, name: str, **values: str | None) -> Iterator[None]:
    """Change a template in Notion, and put it back."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.TEMPLATES))
        query = {"filter": notion_pages.equals(schema.TEMPLATES, schema.TEMPLATE_NAME, name)}
        (page,) = notion.pages(source, query)
        said = notion_pages.plain(page)
        changed = {key.replace("_", " "): value for key, value in values.items()}
        notion.update_page(page["id"], schema.TEMPLATES, changed)
        try:
            yield
        finally:
            notion.update_page(page["id"], schema.TEMPLATES, {key: said[key] for key in changed})


def test_a_missing_template_and_one_with_a_hole_stop_their_emails_alone(stack: Stack) -> None:
    """Faults 6 and 7 of the old system: raw placeholders went out, and failures were swallowed."""
    email = address()
    with (
        template(stack, "5-Day E3", Status="Draft"),
        template(stack, "5-Day E4", Subject_Line="{{first_name}}, {{nobody_knows}} and {{nor_this}}"),
    ):
        sign_up(stack, email)
        found = wait_for_mails(stack, email, 2)
        runs_of_emails = ended(stack, email, 4)
    assert numbers(found) == [2, 5]

    by_number = {int(run.inputs["number"]): run for run in runs_of_emails}
    assert {number: run.state for number, run in by_number.items()} == {
        2: "SUCCESS",
        3: "FAILED",
        4: "FAILED",
        5: "SUCCESS",
    }
    assert by_number[3].labels["reason"] == "template_missing"
    assert by_number[4].labels["reason"] == "value_missing"
    missing = 'There is no active template "5-Day E3" in Email Templates.'
    hole = (
        'The template "5-Day E4" cannot be filled in: "Subject Line": no value for {{nobody_knows}}; '
        "no value for {{nor_this}}."
    )
    assert missing in [line.message for line in stack.kestra.logs(by_number[3].id)]
    assert hole in [line.message for line in stack.kestra.logs(by_number[4].id)]

    said = {int(each["Email Number"]): each for each in analytics_of(stack, email)}
    assert {number: each["Status"] for number, each in said.items()} == {2: "sent", 3: "failed", 4: "failed", 5: "sent"}
    assert said[3]["Error Message"] == f"template_missing: {missing}"
    assert said[4]["Error Message"] == f"value_missing: {hole}"
    page = page_of(stack, email)
    assert page["Email 3 Sent"] is None
    assert page["Sequence Completed"] is False
