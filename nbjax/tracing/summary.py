"""The summary of a comparison, as a page to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbjax.tracing.compare import Comparison, PixelComparison
from nbjax.tracing.document import TraceDocument
from nbjax.tracing.overview import is_mapped, lacking, overview
from nbjax.tracing.ratio import unexplained
from nbjax.tracing.wording import divergence, location, shown, shown_pair, shown_percent, verdict

_ROWS = 12
"""How many rows of a table over samples or pixels are shown."""


def summary_text(comparison: Comparison, names: Sequence[str]) -> str:
    """A Markdown page.

    Args:
        comparison: what to tell.
        names: of the reference's and the candidate's file.
    """
    first = comparison.first_divergence
    sections = [
        f"# {'Divergent' if first else 'Equal'}",
        (divergence(comparison, first) + "." if first else verdict(comparison) + ".").replace("_", r"\_"),
        _table(
            ("", "file", "program", "precision", "parity"),
            [
                _program(role, name, document)
                for role, name, document in zip(
                    ("reference", "candidate"), names, (comparison.reference, comparison.candidate), strict=True
                )
            ],
        ),
        ", ".join(f"{count} {what}" for what, count in comparison.counts.items() if count) + ".",
        *_ratio_section(comparison),
        *_sample_section(comparison),
        *_factor_section(comparison),
        *_lacking_section(comparison),
    ]
    return "\n\n".join(sections) + "\n"


def _program(role: str, name: str, document: TraceDocument) -> tuple[str, ...]:
    program = document.program if document.version is None else f"{document.program} {document.version}"
    parity = "unknown" if document.parity is None else ", ".join(document.parity) or "none"
    return role, _code(name), program, document.precision or "unknown", parity


def _ratio_section(comparison: Comparison) -> list[str]:
    pixels = [pixel for pixel in comparison.pixels if any(item.ratio != 1 for item in pixel.contributions)]
    if comparison.first_divergence is None or not pixels:
        return []
    sections = ["## Where the ratio comes from"]
    for pixel in pixels[:3]:
        rows = [
            (_code(item.key), shown(item.reference, 9), shown(item.candidate, 9), shown_percent(item.percent))
            for item in pixel.contributions
        ]
        rest = unexplained(pixel.contributions)
        if rest is not None and abs(rest - 1) > 1e-9:
            rows.insert(-1, ("not explained by these", "", "", shown_percent(100 * (rest - 1))))
        head = f"{_name(pixel)}: factors, and the pixel's value as their product."
        sections += [head, _table(("factor", "reference", "candidate", "changes the pixel by"), rows)]
    return [*sections, *_more(len(pixels) - 3, "pixels")]


def _sample_section(comparison: Comparison) -> list[str]:
    sections = []
    for pixel in comparison.pixels:
        table = pixel.samples
        if table is None or not table.divergent.any():
            continue
        rows = [i for i in range(len(table.rows)) if table.divergent[i].any()]
        lines = []
        for row in rows[:_ROWS]:
            columns = [i for i in range(len(table.columns)) if table.divergent[row, i]]
            factor = pixel.sample_factor(row, columns[0])
            others = [_code(table.columns[i]) for i in columns[1:5]] + (["..."] if len(columns) > 5 else [])
            place = location(comparison, factor).partition(", ")[2].partition(", sample ")[2]
            place = place or location(comparison, factor).rpartition("sample ")[2]
            percent = shown_percent(factor.percent)
            lines.append((place, _code(factor.key), *shown_pair(factor), percent, ", ".join(others)))
        head = ("sample", "first key", "reference", "candidate", "difference", "also")
        sections += [f"{_name(pixel)}, {len(rows)} of {len(table.rows)} samples diverge:", _table(head, lines)]
        sections += _more(len(rows) - _ROWS, "samples")
        if len(sections) > 9:
            break
    return ["## Samples that diverge", *sections] if sections else []


def _factor_section(comparison: Comparison) -> list[str]:
    rows = []
    for line in overview(comparison):
        factor = line.worst
        where = f"{line.divergent} of {line.entries}" if line.entries > 1 else ("yes" if line.divergent else "")
        rows.append(
            (
                _code(line.key),
                line.block,
                factor.unit if factor.unit != "1" else "",
                *shown_pair(factor),
                _relative(factor.relative),
                _relative(factor.tolerance),
                f"**{where}**" if line.divergent else "",
            )
        )
    head = ("key", "block", "unit", "reference", "candidate", "relative", "tolerance", "divergent")
    note = "In the order of computation; of several pixels and samples the one that is furthest off."
    return ["## Every factor", note, _table(head, rows)]


def _lacking_section(comparison: Comparison) -> list[str]:
    lines = []
    for what, names in lacking(comparison).items():
        mapped = [name for name in names if is_mapped(name)]
        for group, found in ((what, mapped), (f"{what}, not mapped", [name for name in names if name not in mapped])):
            if found:
                lines.append(f"* {group}: {', '.join(_code(name) for name in found)}")
    return ["## Not compared", "\n".join(lines)] if lines else []


def _relative(number: float | None) -> str:
    return "" if number is None else f"{number:.1e}" if number else "0"


def _name(pixel: PixelComparison) -> str:
    return "The pixel" if pixel.slow is None else f"Pixel ({pixel.slow}, {pixel.fast})"


def _more(count: int, what: str) -> list[str]:
    return [f"... and {count} more {what}; metrics.json has them all."] if count > 0 else []


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
