"""An attribution as text, as JSON, and as a picture: from the candidate's intensity down to the reference's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from nbjax.reference.ledger import ENTRIES
from nbjax.style import SERIES, rendered, styled
from nbjax.tracing.attribution.attribution import Attribution, Cause
from nbjax.tracing.attribution.solve import Change

SCHEMA = "nbjax-attribution"
SCHEMA_VERSION = 1

_MOST_ALTERNATIVES = 5
_ROUNDING = 1e-14
_CANDIDATE, _OF_LEDGER, _REFERENCE = SERIES
_OF_PARAMETER, _LEFT = "#e69f00", "#999999"
_LEDGER = {entry.name: entry for entry in ENTRIES}


def attribution_json(found: Attribution) -> dict[str, Any]:
    """Everything that was found, ready for ``json.dumps``; numbers are exact."""
    solution = found.solution
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "verdict": found.verdict,
        "quantity": found.quantity,
        "intensities": {key: {"candidate": c, "reference": r} for key, (c, r) in found.intensities.items()},
        "pixels": found.pixels.tolist(),
        "candidate_value": found.steps[0].value,
        "reference_value": found.reference,
        "difference_percent": 100 * _relative(found, found.steps[0].value),
        "unexplained_percent": 100 * found.unexplained,
        "tolerance": found.tolerance,
        "steps": [
            {
                "kind": step.kind,
                "name": step.name,
                "value": step.value,
                "share_percent": 100 * step.share,
                "intensity_residual": step.residual,
            }
            for step in found.steps
        ],
        "ledger": {
            "chosen": list(found.ledger.chosen),
            "reproduces": found.ledger.reproduces,
            "combinations_tried": found.ledger.tried,
            "alone": [
                {"name": name, "change_percent": 100 * change, "residual": max(found.ledger.singles[name].values())}
                for name, change in found.singles.items()
            ],
        },
        "parameters": None
        if solution is None
        else {
            "explains": solution.explains,
            "largest_residual": solution.largest,
            "differing_numbers": solution.data,
            "changes": [_change_json(change) for change in solution.changes],
        },
        "residuals": [
            {"key": key, "candidate": before, "after_ledger": ledger, "after_parameters": after}
            for key, (before, ledger, after) in found.residuals.items()
        ],
        "image_residual": found.image_residual,
        "notes": list(found.notes),
    }


def summary_lines(found: Attribution) -> list[str]:
    """What was found, a line each."""
    count = len(found.pixels)
    axes = ("panel", "slow", "fast")[-found.pixels.shape[1] :]
    first = ", ".join(f"{axis} {i}" for axis, i in zip(axes, found.pixels[0], strict=True))
    where = f"pixel {first}" if count == 1 else f"{count} pixels"
    lines = [
        f"{key} of {where}: candidate {candidate:.12g}, reference {reference:.12g} "
        f"({100 * (candidate - reference) / (reference or 1.0):+.4g} %)"
        for key, (candidate, reference) in found.intensities.items()
    ]
    lines += list(found.notes)
    lines += [_step_line(step) for step in found.steps[1:]]
    for change in found.solution.changes if found.solution else ():
        lines += _change_lines(change, found)
    left = max(after for _, _, after in found.residuals.values())
    worst = max(found.residuals, key=lambda key: found.residuals[key][2])
    if found.verdict == "equal":
        lines.append(f"equal: no quantity differs by more than {found.tolerance:g}")
    elif found.verdict == "explained":
        lines.append(f"explained: what is left is {left:.2g} ({worst}), below {found.tolerance:g}")
    elif found.verdict == "undetermined":
        lines.append("undetermined: the reference has no more numbers than this changes; trace it with every sample")
    else:
        which = "nothing that was tried explains" if found.verdict == "unexplained" else "this does not explain all of"
        rest = f"{100 * found.unexplained:+.3g} % of {found.quantity} is left, and {left:.2g} of {worst}"
        lines.append(f"{found.verdict}: {which} the difference; {rest}")
    if found.image_residual is not None:
        lines.append(f"largest residual of the whole image: {found.image_residual:.2g} of its brightest pixel")
    return lines


def summary_markdown(found: Attribution, candidate: str, reference: str) -> str:
    """The report, as a Markdown document."""
    lines = ["# Attribution", "", f"Candidate: `{candidate}`", "", f"Reference: `{reference}`", ""]
    lines += [f"- {line.strip()}" for line in summary_lines(found)]
    lines += ["", "## Waterfall", "", "| step | intensity | share of the difference | residual |", "|---|---|---|---|"]
    for step in found.steps:
        share = "" if step.kind == "candidate" else f"{100 * step.share:+.6g} %"
        lines.append(f"| {_label(step)} | {step.value:.15g} | {share} | {step.residual:.2g} |")
    lines.append(f"| reference | {found.reference:.15g} | {100 * found.unexplained:+.3g} % unexplained | |")
    lines += ["", "Shares are relative to the reference. They add up to candidate minus reference.", ""]
    if found.singles:
        lines += ["## Ledger entries, one at a time", "", "| entry | changes the intensity by | largest residual |"]
        lines.append("|---|---|---|")
        for name, change in found.singles.items():
            lines.append(f"| `{name}` | {100 * change:+.6g} % | {max(found.ledger.singles[name].values()):.2g} |")
        lines.append("")
    differing = {key: values for key, values in found.residuals.items() if max(values) > _ROUNDING}
    lines += ["## Largest residual of every quantity that differs", ""]
    if differing:
        lines += ["| key | candidate | after the ledger | after everything |", "|---|---|---|---|"]
        for key, values in differing.items():
            lines.append(f"| {key} | {' | '.join(f'{value:.2g}' for value in values)} |")
        lines.append("")
    equal = [key for key in found.residuals if key not in differing]
    if equal:
        lines.append(f"Equal throughout: {', '.join(equal)}.")
    return "\n".join([*lines, ""])


def waterfall_png(found: Attribution) -> bytes:
    """The waterfall as a picture."""
    from matplotlib.figure import Figure

    labels = [_label(step) for step in found.steps] + ["unexplained", "reference"]
    values = [step.value for step in found.steps]
    bottoms = [0.0, *values[:-1], values[-1], 0.0]
    heights = [values[0], *(b - a for a, b in pairwise(values))]
    heights += [found.reference - values[-1], found.reference]
    of_kind = {"ledger": _OF_LEDGER, "parameter": _OF_PARAMETER}
    colours = [_CANDIDATE, *(of_kind[step.kind] for step in found.steps[1:]), _LEFT, _REFERENCE]
    with styled():
        figure = Figure(figsize=(9.0, 1.3 + 0.62 * len(labels)), layout="constrained")
        _draw_bars(figure.add_subplot(), found, labels, values, bottoms, heights, colours)
        return rendered(figure, dpi=130.0)


def _draw_bars(
    axes: Any,
    found: Attribution,
    labels: list[str],
    values: list[float],
    bottoms: list[float],
    heights: list[float],
    colours: list[str],
) -> None:
    places = range(len(labels))
    axes.barh(places, heights, left=bottoms, color=colours, height=0.62)
    for y, before in enumerate([*values, found.reference], start=1):
        axes.plot([before, before], [y - 0.69, y - 0.31], color="#777777", linewidth=0.8)
    ends = [*values, found.reference, found.reference]
    low, high = min(0.0, *ends), max(ends)
    # small steps between large totals are what the picture is for
    smallest, largest = min(ends), max(ends)
    if smallest > 0 and largest - smallest < 0.5 * largest:
        margin = 0.35 * (largest - smallest) or 0.05 * largest
        low, high = smallest - margin, largest
    width = (high - low) or 1.0
    axes.set_xlim(low, high + 0.34 * width)
    for y, end, bottom, text in zip(places, ends, bottoms, _bar_texts(found), strict=True):
        axes.text(max(end, bottom) + 0.012 * width, y, text, va="center", fontsize=9)
    axes.set_yticks(list(places), labels)
    axes.invert_yaxis()
    axes.set_xlabel(found.quantity + (" (axis does not begin at 0)" if low > 0 else ""))
    axes.set_title(f"From the candidate to the reference: {found.verdict}")


def _bar_texts(found: Attribution) -> list[str]:
    first = found.steps[0]
    texts = [f"{first.value:.7g}  ({100 * _relative(found, first.value):+.3g} %)"]
    texts += [f"{-100 * step.share:+.4g} %" for step in found.steps[1:]]
    left = -100 * found.unexplained
    return [*texts, f"{left:+.2g} %" if abs(left) > 100 * _ROUNDING else "nothing", f"{found.reference:.7g}"]


def _relative(found: Attribution, value: float) -> float:
    return (value - found.reference) / (found.reference or 1.0)


def _label(step: Cause) -> str:
    return {"candidate": "candidate", "ledger": f"ledger: {step.name}", "parameter": step.name}[step.kind]


def _step_line(step: Cause) -> str:
    text = f"  {_label(step)} accounts for {100 * step.share:+.6g} % (residual then {step.residual:.2g})"
    if step.kind == "ledger":
        entry = _LEDGER[step.name]
        text += f": {entry.where}; the C program (line {entry.line}): {entry.c_program}; physics: {entry.physics}"
    return text


def _change_lines(change: Change, found: Attribution) -> list[str]:
    text = f"  {change.name}: {change.value:+.6g} {change.unit}"
    if change.sigma is None:
        text += ", not determined: fewer independent numbers than parameters"
    else:
        text += f" +- {change.sigma:.2g}"
    lines = [text]
    if change.alternatives:
        shown = [f"{name} {value:+.4g} {unit}" for name, value, unit in change.alternatives[:_MOST_ALTERNATIVES]]
        more = len(change.alternatives) - len(shown)
        rest = f", and {more} more" if more else ""
        lines.append(f"    as good alone, so the reference cannot tell them apart: {'; '.join(shown)}{rest}")
    return lines


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "unit": change.unit,
        "change": change.value,
        "sigma": change.sigma,
        "determined": change.sigma is not None and not change.alternatives,
        "alternatives": [{"name": n, "change": v, "unit": u} for n, v, u in change.alternatives],
    }
