"""Random data that is hard on a wire: deep, unicode, names that mean something elsewhere."""

KEYS = [
    "mindtrace.serialization",
    "a.b.c",
    ".",
    "",
    "0",
    "$set",
    "with space",
    "line\nbreak",
    "quote\"'`\\",
    "ключ",
    "键",
    "🦭",
    "é",
    "e\u0301",
    "toString",
    "constructor",
    "_id",
]
TEXTS = [
    "",
    "plain",
    "naïve café",
    "日本語のテキスト",
    "שלום עולם",
    "👩‍🔬 in the lab",
    "e\u0301 is not é",
    "nul\u0000inside",
    "tab\tand\r\nlines",
    "\u2028separators\u2029",
    "<script>&amp;",
    "2026-05-29T12:45:30.123456Z",
    "1e400",
    "\ufeffmark",
]
NUMBERS = [0, 1, -1, 2**31, -(2**53) + 1, 2**53 - 1, 0.1, -2.5e-8, 1e300, 5e-324, 3.0]


def wild_value(random, depth=3):
    kind = random.randrange(8 if depth > 0 else 5)
    if kind == 0:
        return random.choice([None, True, False])
    if kind in (1, 2):
        return random.choice(NUMBERS)
    if kind in (3, 4):
        return random.choice(TEXTS)
    if kind == 5:
        return [wild_value(random, depth - 1) for _ in range(random.randrange(4))]
    return wild_metadata(random, depth - 1)


def wild_metadata(random, depth=3):
    keys = random.sample(KEYS, random.randrange(1, 7))
    return {key: wild_value(random, depth) for key in keys}
