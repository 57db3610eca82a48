"""The reference: what should be, in dictionaries that know nothing of the product's code.

It is told what happened, one thing after the other. Whatever really happened at the same time must look like some
order of being told.
"""

from collections import Counter, defaultdict

LEVELS, REPEATS, DELAY, CATCH_ALL_DELAY, LOOK_AGAIN = 2, 1, 60, 900, 10
PEOPLE = {level: [f"person-{level}-1", f"person-{level}-2"] for level in (1, 2)}
STEPS = [(cycle, level) for cycle in range(1, REPEATS + 2) for level in range(1, LEVELS + 1)]
QUIET = {"due": None, "looks": None}


class Reference:
    """An incident is its state, its alerts, the steps made and when the next is due; ``down``: no policy is to be had.

    Answers are (incident, whether the call changed it, alerts counted), or the name of a refusal.
    """

    def __init__(self):
        self.now, self.down = 0, False
        self.heard, self.open, self.incidents, self.known = set(), {}, {}, set()
        self.pages, self.ends, self.answers = Counter(), defaultdict(list), {}

    def answer(self, operation, service, request_id="", said="", name=""):
        """A repeat of a request gets the first answer, and a refusal if it says something else."""
        key = (service, request_id)
        if request_id and key in self.answers:
            first, answer = self.answers[key]
            return answer if first == (operation, said) else "RequestIdReused"
        answer = self.alert(service, name) if operation == "alert" else getattr(self, operation)(service)
        if request_id and isinstance(answer, tuple):
            self.answers[key] = ((operation, said), answer)
        return answer

    def alert(self, service, name=""):
        """``name`` is what an incident is called that opens now."""
        self.heard.add(service)
        if service in self.open:
            incident = self.incidents[self.open[service]]
            incident["alerts"] += 1
            return self.open[service], False, incident["alerts"]
        self.open[service] = name or f"incident-{len(self.incidents) + 1}"
        self.incidents[self.open[service]] = {
            "service": service,
            "state": "open",
            "alerts": 1,
            "due": self.now,
            "looks": None,
            "plan": None,
            "made": 0,
            "cycles": 0,
        }
        return self.open[service], True, 1

    def acknowledge(self, service):
        if service not in self.open:
            return "NoOpenIncident" if service in self.heard else "MonitoredServiceUnknown"
        incident = self.incidents[self.open[service]]
        changed = incident["state"] == "open"
        incident.update(QUIET, state="acknowledged")
        return self.open[service], changed, 0

    def healthy(self, service):
        if service not in self.open:
            return (None, False, 0) if service in self.heard else "MonitoredServiceUnknown"
        name = self.open.pop(service)
        self.incidents[name].update(QUIET, state="resolved")
        return name, True, 0

    def fire(self):
        """The pager looks at everything that is due, once."""
        for name, incident in self.incidents.items():
            if incident["due"] is not None:
                self._fire_one(name, incident)

    def page_ended(self, name, cycle, level, *, handed_off):
        """A level of which no page was handed off makes the next one of its cycle due at once."""
        self.ends[name, cycle, level].append(handed_off)
        incident = self.incidents[name]
        waits = incident["due"] is not None and incident["due"] > self.now and incident["plan"] == "policy"
        if not waits or STEPS[incident["made"] - 1] != (cycle - incident["first_cycle"] + 1, level) or level == LEVELS:
            return
        ends = self.ends[name, cycle, level]
        if len(ends) == len(PEOPLE[level]) and not any(ends):
            incident["due"] = self.now

    def _fire_one(self, name, incident):
        covered = not self.down or incident["service"] in self.known
        looking = incident["plan"] is None or (incident["plan"] == "catch-all" and incident["looks"] <= self.now)
        if looking and covered:
            incident.update(plan="policy", made=0, due=self.now, first_cycle=incident["cycles"] + 1)
            if not self.down:
                self.known.add(incident["service"])
        incident["plan"] = incident["plan"] or "catch-all"
        if looking and incident["plan"] == "catch-all":
            again = incident["due"] if incident["due"] > self.now else self.now + CATCH_ALL_DELAY
            incident["looks"] = min(self.now + LOOK_AGAIN, again)
        if incident["due"] > self.now:
            return
        if incident["plan"] == "catch-all":
            incident["cycles"] += 1
            self.pages[name, incident["cycles"], 1, "catch-all"] += 1
            incident["due"] = self.now + CATCH_ALL_DELAY
        elif incident["made"] == len(STEPS):
            incident["due"] = None
        else:
            cycle, level = STEPS[incident["made"]]
            for person in PEOPLE[level]:
                self.pages[name, cycle + incident["first_cycle"] - 1, level, person] += 1
            incident["made"] += 1
            incident["due"] = self.now + DELAY
