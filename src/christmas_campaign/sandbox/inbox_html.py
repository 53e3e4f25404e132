"""The HTML of the inbox pages. Every value passes through ``escape``."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --soft: #5b6475; --line: #dfe3ea; --paper: #fff; --back: #f4f5f8;
  --mark: #0b5fb0; --mark-soft: #e7f0fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaf0; --soft: #a5adbd; --line: #363c4a; --paper: #1b1f28;
  --back: #12151c; --mark: #7db8f5; --mark-soft: #22303f; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: 1rem; background: var(--paper); }
header { padding: 1.25rem 1rem; background: var(--paper); border-bottom: 1px solid var(--line); }
header > *, main { max-width: 64rem; margin-inline: auto; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
main { padding: 1.25rem 1rem 4rem; }
a { color: var(--mark); } a:focus-visible, iframe:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.note { color: var(--soft); margin: .25rem 0 0; font-size: .9rem; }
ol { list-style: none; margin: 0; padding: 0; background: var(--paper); border: 1px solid var(--line);
  border-radius: .6rem; overflow: hidden; }
ol li + li { border-top: 1px solid var(--line); }
ol a { display: grid; grid-template-columns: 7rem minmax(8rem, 16rem) 1fr; gap: .25rem 1rem; padding: .7rem 1rem;
  text-decoration: none; color: inherit; } ol a:hover, ol a:focus-visible { background: var(--mark-soft); }
ol .subject { font-weight: 600; overflow-wrap: anywhere; } ol .who { overflow-wrap: anywhere; }
ol time, dt { color: var(--soft); font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { ol a { grid-template-columns: 1fr; } }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 1rem; list-style: none; padding: 0; margin: 1rem 0 0; }
iframe { width: 100%; height: 70vh; border: 1px solid var(--line); border-radius: .6rem; background: #fff; }
pre { margin: 0; padding: 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: .6rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; max-height: 40rem; overflow: auto; }
.empty { padding: 3rem 1rem; text-align: center; background: var(--paper); border: 1px dashed var(--line);
  border-radius: .6rem; }
"""


def _page(title: str, head: str, header: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{head}<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><a class="skip" href="#main">Skip to the content</a><header>{header}</header>'
        f'<main id="main">{body}</main></body></html>\n'
    )


def _time(received_at: str) -> str:
    return (
        f'<time datetime="{escape(received_at)}" title="{escape(received_at)}">{escape(received_at[11:19])} UTC</time>'
    )


def list_page(mails: list[dict[str, Any]], count: int, *, refresh: int | None) -> str:
    """Return the page that lists ``mails``, the newest of ``count`` e-mails.

    The page reloads every ``refresh`` seconds; ``None``: never.
    """
    entries = "".join(
        f'<li><a href="/mail/{escape(mail["id"])}">{_time(mail["received_at"])}'
        f'<span class="who"><span class="note">to</span> {escape(", ".join(mail["to"]))}</span>'
        f'<span class="subject" dir="auto">{escape(mail["subject"])}</span></a></li>'
        for mail in mails
    )
    summary = (
        f"{count} mail" + ("" if count == 1 else "s") + (f", the latest {len(mails)}" if len(mails) < count else "")
    )
    switch = (
        f'Checks for new mail every {refresh} seconds. <a href="/?refresh=off">Stop</a>'
        if refresh
        else '<a href="/">Check for new mail automatically</a>'
    )
    head = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    body = (
        f'<ol aria-label="Mails, newest first">{entries}</ol>'
        if mails
        else '<p class="empty">No mail yet. Mail that is sent to this sandbox appears here and goes nowhere else.</p>'
    )
    header = f'<h1>Sandbox inbox</h1><p class="note">{summary}, newest first. {switch}</p>'
    return _page(f"Sandbox inbox ({count})", head, header, body)


def mail_page(mail: dict[str, Any]) -> str:
    """Return the page of one e-mail: the rendered HTML, the plain text, the headers and the HTML source."""
    addresses = {
        "From": mail["from"],
        "To": ", ".join(mail["to"]),
        "Cc": ", ".join(mail["cc"]),
        "Bcc": ", ".join(mail["bcc"]),
        "Reply-To": ", ".join(mail["reply_to"]),
        "Arrived": mail["received_at"],
    }
    headers = {
        **mail["headers"],
        "Idempotency-Key": mail["idempotency_key"] or "",
        "Tags": ", ".join(f"{tag['name']}={tag['value']}" for tag in mail["tags"]),
        "Resend id": mail["id"],
    }
    sections = []
    if mail["html"]:
        # An empty sandbox attribute blocks scripts, forms and links that leave the frame.
        frame = (
            f'<iframe sandbox="" src="/mail/{escape(mail["id"])}/html" title="The mail as its reader sees it"></iframe>'
        )
        sections.append(("view", "As its reader sees it", frame))
    if mail["text"]:
        sections.append(("text", "Plain text", f'<pre dir="auto" tabindex="0">{escape(mail["text"])}</pre>'))
    sections.append(("headers", "Headers", _list(headers) or "<p>None.</p>"))
    if mail["html"]:
        sections.append(("source", "HTML source", f'<pre tabindex="0"><code>{escape(mail["html"])}</code></pre>'))
    links = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title, _ in sections)
    header = (
        f'<p class="note"><a href="/">← All mails</a></p><h1 dir="auto">{escape(mail["subject"])}</h1>'
        f'{_list(addresses)}<nav aria-label="Parts of this mail"><ul>{links}</ul></nav>'
    )
    body = "".join(
        f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2>{part}</section>'
        for anchor, title, part in sections
    )
    return _page(mail["subject"], "", header, body)


def not_found_page() -> str:
    """Return the page for an unknown e-mail."""
    return _page("No such mail", "", "<h1>No such mail</h1>", '<p><a href="/">← All mails</a></p>')


def _list(values: dict[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in values.items() if value)
    return f"<dl>{rows}</dl>" if rows else ""
