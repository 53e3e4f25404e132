"""A template is kept for some minutes, so that an e-mail costs one call less; then an edited one is used."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path

from support import SCALE, add_contact, address, begin, found_in, until, wait_for_mails

from christmas_campaign import notion_schema as schema
from christmas_campaign.cli.stack import PROJECT, Stack
from christmas_campaign.sequences import sequence

KEPT = 8


def test_an_edited_template_is_used_when_its_time_is_over_and_not_before(tmp_path: Path) -> None:
    """With the flows' five minutes made eight seconds; nothing else of them is changed."""
    flows = tmp_path / "flows"
    shutil.copytree(PROJECT / "flows", flows)
    send = flows / "christmas-send-email.yml"
    source = send.read_text(encoding="utf-8")
    assert source.count("ttl: PT5M") == 1
    send.write_text(source.replace("ttl: PT5M", f"ttl: PT{KEPT}S"), encoding="utf-8")
    with Stack(tmp_path / "data", time_scale=SCALE, flows=flows) as stack:

        def first_mail() -> tuple[str, datetime]:
            email = address()
            add_contact(stack, email)
            begin(stack, "noshow", email)
            mail = wait_for_mails(stack, email, 1)[0]
            return mail.subject, mail.received_at

        old, asked = first_mail()
        (page,) = found_in(stack, schema.TEMPLATES, schema.TEMPLATE_NAME, sequence("noshow").email(1).template)
        with stack.notion() as notion:
            notion.update_page(page["id"], schema.TEMPLATES, {schema.TEMPLATE_SUBJECT: "Edited"})
        subject, sent = first_mail()
        # On a machine so slow that the time was over meanwhile, this says nothing.
        assert subject == old or (sent - asked).total_seconds() > KEPT
        time.sleep(KEPT)
        until(lambda: first_mail()[0] == "Edited", "the edited template", timeout=20)
