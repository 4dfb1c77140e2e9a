"""Says which marks a run has met, and why some have no figure."""

from marks import EVERY_COPIER, MARKS, marks_among


def judge(results, why_missing):
    """Return a list of dictionaries: each mark, its figure with the spread over the rounds, whether it is met ("met",
    "MISSED" or "not measured"), and the reason where it is not measured. `why_missing` has the reason for each key
    that a mark needs and the run has not measured."""
    copied = next(mark.job for mark in MARKS if mark.beside == EVERY_COPIER)
    return [line(mark, results, why_missing) for mark in marks_among(results.peers(*copied))]


def line(mark, results, why_missing):
    measured = results.ratio(mark.of, mark.to) if mark.to else results.get(*mark.of)
    judged = {"what": mark.what, "of": list(mark.of), "to": mark.to and list(mark.to), "mark": mark.bound_text()}
    for key in ("median", "min", "max", "rounds"):
        judged[key] = measured[key] if measured else None
    judged["reason"] = ""
    if not measured or measured["rounds"] < mark.rounds_needed:
        known = [why_missing[key] for key in (mark.of, mark.to) if key in why_missing]
        judged["verdict"] = "not measured"
        judged["reason"] = known[0] if known else few_rounds(mark, measured)
    else:
        judged["verdict"] = "met" if mark.is_met_by(measured["median"]) else "MISSED"
    return judged


def few_rounds(mark, measured):
    if not measured:
        return "not in this run"
    return f"rounds whose probes agreed: {measured['rounds']}, needed: {mark.rounds_needed}"


def at_the_end(judged, number):
    """Yield the lines that stand at the end of a run. `number` makes the text of a figure."""
    yield "Marks, with the medians of the ratios within a round, and their spread:"
    for m in judged:
        figure = number(m["median"])
        if (m["rounds"] or 0) > 1:
            figure += f" ({number(m['min'])} to {number(m['max'])})"
        reason = f" ({m['reason']})" if m["reason"] else ""
        yield f"  {m['verdict']:<12}  {figure:<28} {m['mark']:<8} {m['what']}: {who(m)}{reason}"
    count = lambda verdict: sum(m["verdict"] == verdict for m in judged)
    yield f"{count('met')} of {len(judged)} marks met, {count('MISSED')} missed, {count('not measured')} not measured."


def who(m):
    """Return who is measured, beside whom, with what is different in the other's job."""
    if m["to"] is None:
        return f"{m['of'][0]} {m['of'][1]}"
    other = "".join(f" {there}" for here, there in zip(m["of"][1:], m["to"][1:]) if here != there)
    return f"{m['of'][0]} / {m['to'][0]}{other}"
