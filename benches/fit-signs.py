#!/usr/bin/env python3
"""Fits the points of the shipped rules that weigh: those of signs (rules/signs-weighed.toml) and of every rule for an urgent queue.

    cargo build --release && python3 benches/fit-signs.py            # writes the points into rules/, and prints what they do
    python3 benches/fit-signs.py --check                             # writes nothing: points fitted without a fifth of the exam
                                                                     # mails at a time, and tried on that fifth

Needs numpy and scipy. The mails are those of fixtures/exams, fixtures/sentences, and where it is there ../shared/data (the
half to tune on). A queue's sum is taken for the log-odds that a mail belongs there; points move from where they stand as far as
the mails ask for it. A rule that is sure alone stays so (SURE), one that is not never becomes so; a sign of danger never counts against its own queue,
nor a context for one: which list may speak for what is SIGNS below. Fit before words are mended for an exam: a list
mended for these very mails looks surer than it is. Run it after lists have changed much, then `rules test`,
`cargo test --test rules`, and the figures of README "Rules".
"""
import email.header, glob, json, os, re, subprocess, sys, tempfile, tomllib
import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TRIAGED = os.environ.get("TRIAGED", os.path.join(ROOT, "target/release/triaged"))
SHARED = os.environ.get("TRIAGED_SHARED", os.path.join(ROOT, "../shared"))
QUEUES = ["threat-of-harm", "child-protection", "disinformation"]
MEANS = {"threat": "threat-of-harm", "clean": "general", "not-threat": "general", "toxic_not_threat": "general"}
# What a set's mails weigh, and how much a harmless mail does beside a dangerous one.
WEIGHT = {"exams": 4, "sentences": 1, "wikipedia-talk": 0.7, "hatecheck": 0.45, "ordinary-mail": 2}
HARMLESS = 0.45
# How wide a step of the log-odds is in points, and how strongly points hold to where they stand.
STEP, HOLD_RULE, HOLD_SIGN = 24, 3e-5, 1e-4
# A rule that is sure alone keeps so many points: a stray sign or two against it must not sink a mail.
SURE = 115
# A sign of fewer points says nothing.
LEAST_SIGN = 3

CONTEXT = """about-machine about-article about-art about-past about-law about-study asks-how joking own-account absence-note
account-access as-topic court-order dmca event fee figure-of-speech harmless innocent money spam-offer topic-affiliates
topic-ban-appeal topic-ban-request topic-content topic-conversation-hour topic-copyright-permission topic-donation topic-legal
topic-non-public-data topic-ombuds topic-permissions topic-press topic-technical topic-trademark topic-vanishing
weighed-campaign-content weighed-content weighed-child-content windfall"""
SIGNS = {
    "threat-of-harm": {
        "for": """alarm all-of-them at-the-door be-rid belongings body bring burn-down close come-home crowd-place danger-word deadly
death-wish despair die-word drop farewell for-ever gave-away goes-off goodbye-life grave grudge harm-hint harm-verb
hope-you-get i-will i-will-kill ill-will insult kill knows-home left-thing limb marked mass-attack means menace menace-weak
names-listed not-all order-kill other-self-kill ought pills revenge scouts self-hurt self-kill swallowed take-means
they-kill threat-bare threat-report threaten told urgent-help veiled victim violent watched-place weapon weighed-alarm
weighed-death weighed-despair weighed-family weighed-harm weighed-intent weighed-means weighed-place weighed-said
weighed-third weighed-time weighed-first when-day when-soon whereabouts withdrawn worried your-family tidies-up ends-soon
lies-in-wait last-warning comes-armed out-of-reach wrote-it authorities""",
        "against": CONTEXT + """ clean-page counter-speech echo election fake-media false-content falsehood for-money grooming in-concert inside-hand lure
adult-contact abuse-material child-data many-accounts nobody-deserves paid-edit same-hand spread state-actor state-edits
tamper untrue weighed-accounts weighed-false weighed-many weighed-pages weighed-power weighed-public weighed-same
weighed-suspect drawn-aside sexual child-innocent safeguarding child-approach""",
    },
    "child-protection": {
        "for": """abuse abuse-material adult adult-contact child child-data child-harm child-plea deceive drawn-aside exposed grooming
i-am-child lure media minor parent-harm safeguarding sexual unease weighed-adult weighed-ask weighed-child
weighed-child-body weighed-child-hurt weighed-child-media weighed-child-worry weighed-secret worried urgent-help told alarm
persecuted come-home whereabouts child-approach authorities wrote-it""",
        "against": CONTEXT + """ clean-page echo election falsehood false-content for-money child-innocent in-concert inside-hand many-accounts paid-edit
same-hand spread state-actor state-edits tamper untrue weighed-accounts weighed-false weighed-pages weighed-power
weighed-public weighed-same weighed-suspect menace veiled farewell grave self-kill kill weapon mass-attack despair
weighed-death threat-bare insult revenge crowd-place violent tidies-up ends-soon last-warning comes-armed""",
    },
    "disinformation": {
        "for": """acts-together campaign clean-page deceive echo election fake-media false-content falsehood fee for-money in-concert
inside-hand leaned-on many-accounts officials page-work paid-edit persecuted pressured public-matter same-hand spread
state-actor state-edits tamper untrue weighed-accounts weighed-alter weighed-false weighed-many weighed-media weighed-pages
weighed-power weighed-public weighed-same weighed-suspect""",
        "against": CONTEXT + """ topic-harassment topic-private-data menace veiled farewell grave self-kill kill weapon despair weighed-death weighed-despair
insult child minor i-am-child adult-contact grooming lure child-data exposed weighed-child weighed-adult weighed-first
weighed-family worried limb body swallowed child-approach tidies-up ends-soon lies-in-wait last-warning comes-armed""",
    },
}


def texts():
    """Every mail: its set, label, queue, subject, text or raw bytes."""
    names = [("exams", f"{ROOT}/fixtures/exams/*.jsonl"), ("sentences", f"{ROOT}/fixtures/sentences/*.jsonl")]
    names += [(name, f"{SHARED}/data/{name}.jsonl") for name in ("wikipedia-talk", "hatecheck")]
    mails = []
    for name, pattern in names:
        for path in sorted(glob.glob(pattern)):
            lines = [json.loads(line) for line in open(path, encoding="utf-8") if line.startswith("{")]
            # A third of hatecheck says what all of it says.
            lines = lines[::3] if name == "hatecheck" else lines
            mails += [dict(line, set=name, queue=MEANS.get(line["label"], line["label"])) for line in lines]
    for path in sorted(glob.glob(f"{SHARED}/data/ordinary-mail/**/*", recursive=True)):
        if os.path.isfile(path):
            mails.append({"set": "ordinary-mail", "label": "general", "queue": "general", "raw": open(path, "rb").read()})
    return mails


def as_mail(number, mail):
    subject = email.header.Header(str(mail.get("subject") or "x").replace("\n", " "), "utf-8").encode()
    head = f"From: a@example.net\nTo: ca@example.org\nDate: Mon, 1 Jun 2026 10:00:00 +0000\nMessage-ID: <{number}@example.net>\n"
    head += f"Subject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    return (head + mail["text"] + "\n").encode()


def fired(mails, rules, lists):
    """Which rules fire on each mail, and which lists are there: a rule of one sign for each list, for and against."""
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/mails")
        for number, mail in enumerate(mails):
            with open(f"{work}/mails/{number:06}.eml", "wb") as file:
                file.write(mail.get("raw") or as_mail(number, mail))
        os.makedirs(f"{work}/rules")
        for path in glob.glob(f"{ROOT}/rules/*.toml"):
            if os.path.basename(path) != "signs-weighed.toml":
                os.symlink(os.path.abspath(path), f"{work}/rules/{os.path.basename(path)}")
        with open(f"{work}/rules/one-sign-each.toml", "w") as file:
            for kind, facts in (("for", SHORT), ("against", "")):
                for name in lists:
                    head = f'[[rule]]\nid = "{kind} {name}"\nwhy = "x"\nqueue = "general"\n{facts}'
                    file.write(head + f'weigh = [{{ any = ["@{name}"], points = 1 }}]\n')
        config = open(f"{ROOT}/config/triaged.toml").read()
        config = re.sub(r"(?m)^#?(rules|templates) = .*$", "", config)
        with open(f"{work}/triaged.toml", "w") as file:
            file.write('rules = "rules"\n' + config)
        command = [TRIAGED, "--json", "-c", f"{work}/triaged.toml", "classify", "--account", "ca", f"{work}/mails"]
        output = subprocess.run(command, capture_output=True, text=True)
        if output.returncode:
            sys.exit(output.stderr[:3000])
        for line in output.stdout.splitlines():
            found = json.loads(line)
            mails[int(os.path.basename(found["file"])[:6])]["fired"] = {rule["id"] for rule in found["rules"]}


# Every word is in long mails and newsletters: what speaks for a queue is left out there.
SHORT = """smaller_than = "12 KiB"
not_header = { Precedence = '(?i)bulk|list', List-Post = '.', List-Id = '.', List-Unsubscribe = '.' }
"""


def weight(mail, queue):
    share = WEIGHT[mail["set"]] * {"threat": 5 if mail["set"] == "wikipedia-talk" else 2}.get(mail["label"], 1)
    if mail["queue"] == "general":
        return share * HARMLESS * (2 if mail["set"] == "wikipedia-talk" else 1)
    return share if mail["queue"] == queue else share * 0.6


def fit(mails, queue, columns, prior, bounds):
    place = {name: at for at, name in enumerate(columns)}
    cells = [(row, place[name]) for row, mail in enumerate(mails) for name in mail["fired"] if name in place]
    rows, cols = zip(*cells)
    there = csr_matrix((np.ones(len(cells)), (rows, cols)), shape=(len(mails), len(columns)))
    turned = there.T.tocsr()
    right = np.array([1.0 if mail["queue"] == queue else -1.0 for mail in mails])
    weights = np.array([weight(mail, queue) for mail in mails])
    weights /= weights.sum()
    against = np.array([name.startswith("against ") for name in columns])
    sign = np.array([" " in name for name in columns])
    hold = np.where(sign, HOLD_SIGN, HOLD_RULE) * 10

    def loss(points):
        away = there @ (points * against)
        # Signs against take one threshold at most.
        free = away > -100
        odds = right * (there @ (points * ~against) + np.maximum(away, -100) - 100) / STEP
        slope = -(weights * right / (1 + np.exp(np.clip(odds, -50, 50)))) / STEP
        moved = (points - prior) / 100
        value = weights @ np.logaddexp(0, -odds) + (hold * moved**2).sum()
        return value, np.where(against, turned @ (slope * free), turned @ slope) + 2 * hold * moved / 100

    low, high = np.array(bounds).T
    return minimize(loss, np.clip(prior, low, high), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 400}).x


def points_of(mails, rules):
    """Points of every rule and sign, rounded, by queue."""
    result = {}
    for queue in QUEUES:
        columns = [name for name, (q, _) in rules.items() if q == queue]
        prior = [rules[name][1] for name in columns]
        bounds = [(SURE, 2 * p + 60) if p >= 90 else (0.3 * p, min(2 * p + 30, 85)) for p in prior]
        present = set().union(*(mail["fired"] for mail in mails))
        for kind, bound in (("for", (0, 30)), ("against", (-45, 0))):
            names = [f"{kind} {name}" for name in dict.fromkeys(SIGNS[queue][kind].split())]
            names = [name for name in names if name in present]
            columns += names
            prior += [0] * len(names)
            bounds += [bound] * len(names)
        found = fit(mails, queue, columns, np.array(prior, float), bounds)
        kept = {name: max(1, round(p)) if " " not in name else round(p) for name, p in zip(columns, found)}
        result[queue] = {name: p for name, p in kept.items() if " " not in name or abs(p) >= LEAST_SIGN}
    return result


def queue_of(mail, points):
    for queue in QUEUES:
        given = points[queue]
        away = sum(given.get(name, 0) for name in mail["fired"] if name.startswith("against "))
        rest = sum(given.get(name, 0) for name in mail["fired"] if not name.startswith("against "))
        if rest + max(away, -100) >= 100:
            return queue
    return "general"


def tell(mails, queues):
    table = {}
    for mail, queue in zip(mails, queues):
        table.setdefault((mail["set"], mail["label"]), []).append((mail["queue"] == queue, queue != "general"))
    for (name, label), all in sorted(table.items()):
        share = [100 * sum(one[at] for one in all) / len(all) for at in (0, 1)]
        print(f"{name:15} {label:17} {len(all):5} right {share[0]:5.1f} % raised {share[1]:5.1f} %")


WORDS = {"threat-of-harm": ("harm", "danger to life"), "child-protection": ("child", "danger to a child"),
         "disinformation": ("campaign", "a campaign of falsehoods")}
EXAMPLES = {
    "for harm": ("I am worried about him, he took pills tonight.", "The table of contents needs a comma."),
    "against harm": ("How can I reset my password?", "I will kill you tonight."),
    "for child": ("A grown man asks my daughter for photos.", "The table of contents needs a comma."),
    "against child": ("How can I reset my password?", "My uncle hits me."),
    "for campaign": ("Many accounts restore the same false claim before the election.", "My train was late."),
    "against campaign": ("How can I reset my password?", "They restore it again and again."),
}
HEAD = """# Signs, weighed: what else a mail speaks of, for and against each of the urgent queues. No sign decides alone; they tip the scales
# where rules of the other files found something, and add up where many stand together. Written by benches/fit-signs.py, which says
# how the points were found: change the lists, not the points. What speaks for a queue is left out in newsletters and long mails.
"""


def write(points):
    for path in glob.glob(f"{ROOT}/rules/*.toml"):
        text = open(path).read()
        parts = re.split(r"(?m)^(?=\[\[rule\]\])", text)
        for at, part in enumerate(parts):
            name = re.match(r'\[\[rule\]\]\s*\nid = "([^"]+)"', part)
            given = next((points[q][name[1]] for q in QUEUES if name and name[1] in points[q]), None)
            if given is not None:
                parts[at] = re.sub(r"(?m)^points = \d+", f"points = {given}", part, count=1)
        if "".join(parts) != text:
            open(path, "w").write("".join(parts))
    lines = [HEAD]
    for queue in QUEUES:
        short, words = WORDS[queue]
        for kind in ("for", "against"):
            signs = sorted((-abs(p), name.split()[1], p) for name, p in points[queue].items() if name.startswith(kind + " "))
            why = f"Signs of {words}." if kind == "for" else f"Signs that the mail is about something else than {words}."
            matches, rejects = EXAMPLES[f"{kind} {short}"]
            lines += ["[[rule]]", f'id = "signs-{kind}-{short}"', f'why = "{why}"', f'queue = "{queue}"']
            lines += SHORT.splitlines() if kind == "for" else []
            lines += ["weigh = [", *(f'  {{ any = ["@{name}"], points = {p} }},' for _, name, p in signs), "]"]
            lines += [f"matches = {json.dumps([matches])}", f"rejects = {json.dumps([rejects])}", ""]
    open(f"{ROOT}/rules/signs-weighed.toml", "w").write("\n".join(lines))


def main():
    rules, lists = {}, set()
    for path in glob.glob(f"{ROOT}/rules/*.toml"):
        file = tomllib.load(open(path, "rb"))
        lists |= set(file.get("terms", {}))
        for rule in file.get("rule", []):
            if rule.get("queue") in QUEUES and "points" in rule and not rule.get("shadow"):
                rules[rule["id"]] = (rule["queue"], rule["points"])
    unknown = {name for q in QUEUES for kind in SIGNS[q].values() for name in kind.split()} - lists
    if unknown:
        sys.exit(f"SIGNS names lists that no rule file has: {' '.join(sorted(unknown))}")
    mails = texts()
    fired(mails, rules, sorted(lists))
    if "--check" not in sys.argv:
        points = points_of(mails, rules)
        write(points)
        return tell(mails, [queue_of(mail, points) for mail in mails])
    exam = [mail for mail in mails if mail["set"] == "exams"]
    queues = {}
    for part in range(5):
        held = {id(mail) for at, mail in enumerate(exam) if at % 5 == part}
        points = points_of([mail for mail in mails if id(mail) not in held], rules)
        queues |= {id(mail): queue_of(mail, points) for mail in exam if id(mail) in held}
    tell(exam, [queues[id(mail)] for mail in exam])


main()
