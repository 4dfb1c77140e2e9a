"""Measurements, and ratios between them.

A measurement has one or more trials in each round. A trial counts only if its probes before and after agree. A ratio is
the median of the ratios within each round, of trials whose probes agree with each other: a slow machine then slows
both."""

import statistics

from trial import is_steady


def summary(values):
    if not values:
        return {"median": None, "min": None, "max": None, "rounds": 0}
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": len(values)}


def kept(trials):
    """Return the last steady trial of each round."""
    return {t["round"]: t for t in trials if is_steady(t["before"], t["after"])}


class Results:
    def __init__(self, measurements=()):
        self.by_key = {(m["peer"], m["work"], m["size"], m["placement"]): m for m in measurements}

    def add(self, key, unit, trial):
        peer, work, size, placement = key
        empty = {"peer": peer, "work": work, "size": size, "placement": placement, "unit": unit, "trials": []}
        self.by_key.setdefault(key, empty)["trials"].append(trial)

    def finish(self):
        """Return the measurements with their medians, as they are written to the file."""
        for m in self.by_key.values():
            steady = kept(m["trials"]).values()
            m.update({k: round_to_digits(v) for k, v in summary([t["value"] for t in steady]).items()})
            samples = [
                t["percentiles"] for t in m["trials"] if "percentiles" in t and is_steady(t["before"], t["after"])
            ]
            if samples:
                m["percentiles"] = {p: round_to_digits(statistics.median(s[p] for s in samples)) for p in samples[0]}
        for m in self.by_key.values():
            for t in m["trials"]:
                t.pop("percentiles", None)
            m["trials"] = m.pop("trials")  # last in the file: the raw data
        return list(self.by_key.values())

    def get(self, peer, work, size, placement):
        return self.by_key.get((peer, work, size, placement))

    def median(self, *key):
        m = self.get(*key)
        return m and m["median"]

    def peers(self, work, size, placement):
        return [p for (p, w, s, l), m in self.by_key.items() if (w, s, l) == (work, size, placement) and m["rounds"]]

    def ratio(self, of, to):
        """Return the ratio, or None if one of the two was not measured."""
        of, to = self.get(*of), self.get(*to)
        if of is None or to is None:
            return None
        tops, bottoms = kept(of["trials"]), kept(to["trials"])
        return summary(
            [
                tops[r]["value"] / bottoms[r]["value"]
                for r in tops.keys() & bottoms.keys()
                if is_steady(*(t[when] for t in (tops[r], bottoms[r]) for when in ("before", "after")))
            ]
        )

    def rounds(self, of, to=None):
        """Return the number of rounds that count for the value, or for the ratio to another one."""
        if to is not None:
            ratio = self.ratio(of, to)
            return ratio["rounds"] if ratio else 0
        measured = self.get(*of)
        return len(kept(measured["trials"])) if measured else 0


def round_to_digits(value):
    return float(f"{value:.5g}") if isinstance(value, float) else value
