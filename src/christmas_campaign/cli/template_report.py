"""What was found out about templates, as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from christmas_campaign.json_types import JsonObject
from christmas_campaign.operations.template_preview import Preview
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Checked, Fault, Report, Use
from christmas_campaign.templates.value_sources import Origin, searched

_WIDTH = 110


def as_json(report: Report) -> JsonObject:
    """Return the whole report."""
    return {
        "templates": [
            {
                "name": each.name,
                "uses": [use._asdict() for use in each.uses],
                "placeholders": [
                    {
                        "name": need.placeholder.name,
                        "fallback": need.placeholder.fallback,
                        "parts": list(need.parts),
                        "sources": {
                            name: [
                                {"source": one.source, "certain": one.certain, "computed_from": one.needs}
                                for one in found
                            ]
                            for name, found in need.origins.items()
                        },
                    }
                    for need in each.needs
                ],
            }
            for each in report.templates
        ],
        "faults": [each._asdict() for each in report.faults],
        "notices": [each._asdict() for each in report.notices],
    }


def sources(report: Report) -> Iterator[str]:
    """For each sequence and e-mail: the template, and its placeholders by where their values would come from."""
    yield "Where each value would come from. A source with ? may have none: then the next one is asked. The payload's own"
    yield "variables may have any; they are asked right after the payload, and named here only where nothing else is certain."
    checked = {each.name: each for each in reversed(report.templates)}
    for name, uses in template_check.uses().items():
        for use in uses if name in checked else ():
            yield f"\n{use.sequence} E{use.number}  {name}"
            yield from _groups(checked[name], use)


def _groups(checked: Checked, use: Use) -> Iterator[str]:
    groups: dict[str, dict[str, None]] = {}
    for need in checked.needs:
        said = _chain(searched(need.origins[use.sequence]))
        groups.setdefault(said, {})[need.placeholder.name] = None
    wide = max((len(said) for said in groups), default=0)
    for said, names in groups.items():
        lines = _wrapped(list(names), _WIDTH - wide)
        yield f"  {said:<{wide}}  {lines[0]}"
        yield from (f"  {'':<{wide}}  {line}" for line in lines[1:])


def _chain(origins: Sequence[Origin]) -> str:
    certain = any(origin.certain for origin in origins)
    named = [each for each in origins if each.sample is not None or not certain]
    said = [each.source if each.certain else f"{each.source}?" for each in named]
    return ", ".join(said if certain else [*said, "else NOTHING"])


def _wrapped(names: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for place, name in enumerate(names):
        piece = name if place == len(names) - 1 else f"{name}, "
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def faults(found: Sequence[Fault]) -> Iterator[str]:
    """Each fault with its mend; what is wrong with several templates alike is said once."""
    alike: dict[tuple[str, str], dict[str, list[str]]] = {}
    for fault in found:
        alike.setdefault((fault.problem, fault.mend), {}).setdefault(fault.template, []).append(fault.part)
    for (problem, mend), templates in alike.items():
        places = [f"{name} ({', '.join(parts)})" for name, parts in templates.items()]
        if len(places) == 1:
            yield f"{places[0]}: {problem}"
        else:
            yield f"{problem}, in"
            yield from (f"    {line}" for line in _wrapped(places, _WIDTH))
        yield f"    mend: {mend}"


def end(report: Report) -> Iterator[str]:
    """The notices, and how many faults there are."""
    for notice in report.notices:
        yield f"notice: {notice.template}: {notice.note}"
    checked, count = len(report.templates), len(report.faults)
    yield f"{checked} active template{'' if checked == 1 else 's'}, {count or 'no'} fault{'' if count == 1 else 's'}."


def previewed(preview: Preview) -> Iterator[str]:
    """The e-mail, and each placeholder with its value and the source that had it."""
    if preview.letter:
        yield f"Subject: {preview.letter.subject}\n"
        yield f"{preview.letter.text.rstrip()}\n"
    yield f"{preview.sequence} E{preview.number}, due {preview.scheduled.isoformat(timespec='seconds')}; the values:"
    names = [template_check.source_text(each.placeholder) for each in preview.values]
    wide = max((len(name) for name in names if len(name) <= 40), default=0)
    for name, each in zip(names, preview.values, strict=True):
        value = "NOTHING" if each.value is None else f"{' '.join(each.value.split())}  ({each.source})"
        yield f"  {name:<{wide}}  {value}"
