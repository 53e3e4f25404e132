"""The reports of ``christmas templates``, as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from christmas_campaign.json_types import JsonObject
from christmas_campaign.operations.template_preview import Preview
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Checked, Fault, Report, Use
from christmas_campaign.templates.value_sources import Origin, searched

_WIDTH = 110


def as_json(report: Report) -> JsonObject:
    """Return the report of ``templates check --json``."""
    return {
        "templates": [
            {
                "name": template.name,
                "uses": [use._asdict() for use in template.uses],
                "placeholders": [
                    {
                        "name": need.placeholder.name,
                        "fallback": need.placeholder.fallback,
                        "parts": list(need.parts),
                        "sources": {
                            sequence: [
                                {"source": origin.source, "certain": origin.certain, "computed_from": origin.needs}
                                for origin in origins
                            ]
                            for sequence, origins in need.origins.items()
                        },
                    }
                    for need in template.needs
                ],
            }
            for template in report.templates
        ],
        "faults": [fault._asdict() for fault in report.faults],
        "notices": [notice._asdict() for notice in report.notices],
    }


def sources(report: Report) -> Iterator[str]:
    """Yield, for each e-mail of each sequence, its template and the sources of the template's placeholders."""
    yield "Where each value comes from. A source with ? may have no value; then the next source is used. The variables of the"
    yield "payload may have any value: they come right after the payload, and are shown only if no other source is certain."
    checked = {template.name: template for template in reversed(report.templates)}
    for name, uses in template_check.uses().items():
        for use in uses if name in checked else ():
            yield f"\n{use.sequence} E{use.number}  {name}"
            yield from _groups(checked[name], use)


def _groups(checked: Checked, use: Use) -> Iterator[str]:
    groups: dict[str, dict[str, None]] = {}
    for need in checked.needs:
        chain = _chain(searched(need.origins[use.sequence]), "else left out" if need.guarded else "else NOTHING")
        groups.setdefault(chain, {})[need.placeholder.name] = None
    width = max((len(chain) for chain in groups), default=0)
    for chain, names in groups.items():
        lines = _wrapped(list(names), _WIDTH - width)
        yield f"  {chain:<{width}}  {lines[0]}"
        yield from (f"  {'':<{width}}  {line}" for line in lines[1:])


def _chain(origins: Sequence[Origin], otherwise: str) -> str:
    certain = any(origin.certain for origin in origins)
    to_show = [origin for origin in origins if origin.sample is not None or not certain]
    sources = [origin.source if origin.certain else f"{origin.source}?" for origin in to_show]
    return ", ".join(sources if certain else [*sources, otherwise])


def _wrapped(names: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for index, name in enumerate(names):
        piece = name if index == len(names) - 1 else f"{name}, "
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def faults(template_faults: Sequence[Fault]) -> Iterator[str]:
    """Yield each fault with its correction; the same fault of several templates is shown once."""
    by_problem: dict[tuple[str, str], dict[str, list[str]]] = {}
    for fault in template_faults:
        by_problem.setdefault((fault.problem, fault.mend), {}).setdefault(fault.template, []).append(fault.part)
    for (problem, mend), templates in by_problem.items():
        places = [f"{name} ({', '.join(parts)})" for name, parts in templates.items()]
        if len(places) == 1:
            yield f"{places[0]}: {problem}"
        else:
            yield f"{problem}, in"
            yield from (f"    {line}" for line in _wrapped(places, _WIDTH))
        yield f"    correction: {mend}"


def end(report: Report) -> Iterator[str]:
    """Yield the notices, and the numbers of templates and faults."""
    for notice in report.notices:
        yield f"notice: {notice.template}: {notice.note}"
    checked, count = len(report.templates), len(report.faults)
    yield f"{checked} active template{'' if checked == 1 else 's'}, {count or 'no'} fault{'' if count == 1 else 's'}."


def previewed(preview: Preview) -> Iterator[str]:
    """Yield the e-mail, and each placeholder with its value and its source."""
    if preview.letter:
        yield f"Subject: {preview.letter.subject}\n"
        yield f"{preview.letter.text.rstrip()}\n"
    yield f"{preview.sequence} E{preview.number}, due {preview.scheduled.isoformat(timespec='seconds')}; the values:"
    names = [template_check.source_text(value.placeholder) for value in preview.values]
    width = max((len(name) for name in names if len(name) <= 40), default=0)
    for name, value in zip(names, preview.values, strict=True):
        text = "NOTHING" if value.value is None else f"{' '.join(value.value.split())}  ({value.source})"
        yield f"  {name:<{width}}  {text}"
