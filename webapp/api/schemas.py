"""The shapes of what goes in and comes out, as JSON Schema."""

from typing import Any

from learner.settings import CLASSIFIERS, STRATEGIES
from webapp.api.predict import MOST_TEXTS
from webapp.figures.periods import UNITS
from webapp.importing.reviews import MAX_TEXT
from webapp.store.annotations import NOTE_LIMIT, SKIP_REASONS
from webapp.store.projects import LANGUAGES

Schema = dict[str, Any]


def thing(required: bool = True, closed: bool = False, **properties: Schema) -> Schema:
    """An object; `closed`: unknown fields are refused."""
    shape: Schema = {"type": "object", "properties": properties}
    if required:
        shape["required"] = list(properties)
    return shape | ({"additionalProperties": False} if closed else {})


def many(items: Schema, **rules: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **rules}


def ref(name: str) -> Schema:
    """One of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(kind: str) -> Schema:
    """A value that may be missing."""
    return {"type": [kind, "null"]}


WHOLE, NUMBER, TEXT, TRUTH, OBJECT = (
    {"type": kind} for kind in ("integer", "number", "string", "boolean", "object")
)
TIME = {"type": "string", "format": "date-time"}
TIME_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
NAME = {"type": "string", "minLength": 1}
DAY = {"type": "string", "format": "date"}
# One of the names is a word of Python's.
FROM_UNTIL: Any = {"from": DAY, "until": DAY}
# Reviews by label.
COUNTS = {"type": "object", "additionalProperties": WHOLE}

SCHEMAS: dict[str, Schema] = {
    "Problem": {
        **thing(required=False, type=TEXT, title=TEXT, status=WHOLE, detail=TEXT,
                errors=many(thing(field=TEXT, detail=TEXT))),
        "required": ["type", "title", "status", "detail"],
    },
    "NewProject": {
        **thing(required=False, closed=True, name=NAME | {"maxLength": 100},
                labels=many(NAME | {"maxLength": 40}, minItems=2, maxItems=9), language={"enum": list(LANGUAGES)}),
        "required": ["name"],
    },
    "Project": thing(id=WHOLE, name=TEXT, language=TEXT, labels=many(TEXT), paused=TRUTH, created_at=TIME),
    "Projects": thing(projects=many(ref("Project"))),
    "Imported": thing(
        job=WHOLE, rows=WHOLE, imported=WHOLE, labelled=WHOLE, duplicates=WHOLE, rejected_count=WHOLE,
        rejected=many(thing(row=WHOLE, reason=TEXT, message=TEXT)), warnings=OBJECT,
    ),
    "Lease": thing(
        lease=TEXT, expires_at=TIME, review=thing(id=WHOLE, text=TEXT, language=TEXT), labels=many(TEXT),
        suggestion=or_null("string"),
    ),
    "Renewed": thing(lease=TEXT, expires_at=TIME),
    "Answer": {
        **thing(
            required=False, closed=True, label=or_null("string"),
            skip={"enum": [True, False, None, *SKIP_REASONS]}, flag={"enum": [True, False, None]},
            note={"type": "string", "maxLength": NOTE_LIMIT},
            seconds={"type": ["number", "null"], "minimum": 0, "maximum": 86_400},
        ),
        "description": "Exactly one of label (a name), skip (true, or a reason) and flag (true).",
    },
    "Annotation": thing(
        id=WHOLE, review_id=WHOLE, action={"enum": ["label", "skip", "flag"]}, label=or_null("string"), note=TEXT,
        created_at=TIME,
    ),
    "Withdrawn": thing(id=WHOLE, review_id=WHOLE, withdrawn=TRUTH),
    "RoundSettings": thing(
        required=False, closed=True, encoder=NAME, classifier={"enum": list(CLASSIFIERS)},
        strategy={"enum": list(STRATEGIES)}, query_size={"type": "integer", "minimum": 1, "maximum": 10_000},
        audit_share={"type": "number", "minimum": 0, "maximum": 1},
        seed={"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        stars=TRUTH, disagreement_share={"type": "number", "minimum": 0, "maximum": 1},
        score_limit={"type": ["integer", "null"], "minimum": 1, "maximum": 100_000_000}, head=OBJECT,
        contrastive=OBJECT, finetune=OBJECT, lora=OBJECT,
        auto=OBJECT, search=OBJECT,
    ),
    "Round": thing(
        number=WHOLE, state={"enum": ["queued", "running", "done", "failed", "cancelled"]}, cause=TEXT,
        phase=or_null("string"), progress=NUMBER, eta_seconds=or_null("number"), cancel_requested=TRUTH,
        error=or_null("string"), settings=OBJECT, timings=OBJECT, report=OBJECT, model_version=or_null("integer"),
        verdict=or_null("string"), weak_labels=or_null("integer"),
        created_at=TIME, started_at=TIME_OR_NULL, finished_at=TIME_OR_NULL,
    ),
    "Rounds": thing(rounds=many(ref("Round"))),
    "Metric": thing(
        part=TEXT, slice=TEXT, name=TEXT, value=NUMBER, low=or_null("number"), high=or_null("number"), n=WHOLE
    ),
    "Metrics": thing(
        model_version=or_null("integer"), classifier=or_null("string"), encoder=or_null("string"),
        training_labels=or_null("integer"), metrics=many(ref("Metric")),
        learning_curve=many(
            thing(
                model_version=WHOLE, training_labels=WHOLE, serves=TRUTH,
                accuracy={"oneOf": [ref("Metric"), {"type": "null"}]},
                macro_f1={"oneOf": [ref("Metric"), {"type": "null"}]},
            )
        ),
        advice={"oneOf": [ref("Advice"), {"type": "null"}]},
    ),
    "Advice": thing(
        code={"enum": ["early", "go on", "stop", "unreachable"]}, sentence=TEXT, gain=or_null("number"),
        gain_low=or_null("number"), gain_high=or_null("number"), ceiling=or_null("number"),
        to_target=or_null("integer"), kappa=or_null("number"), stable=or_null("boolean"),
        settled=or_null("boolean"), rare=many(TEXT),
    ),
    "Share": {
        **thing(value=or_null("number"), low=or_null("number"), high=or_null("number"), n=WHOLE),
        "description": "Of n reviews those with the watched label, with the 95 % interval; null where n is 0.",
    },
    "Days": thing(**FROM_UNTIL),
    "Insights": thing(
        model_version=or_null("integer"), label=TEXT, by=TEXT, group=or_null("string"), labels=COUNTS,
        share=ref("Share"),
        groups=many(
            thing(
                name=TEXT, labels=COUNTS, share=ref("Share"), share_of_others=ref("Share"),
                stands_out={"enum": ["above", "below", None]}, stars=or_null("number"),
            )
        ),
        unit={"enum": list(UNITS)},
        periods=many(thing(labels=COUNTS, share=ref("Share"), **FROM_UNTIL)),
        changes=many(
            thing(
                group=or_null("string"), recent=ref("Share"), before=ref("Share"),
                difference={"oneOf": [thing(value=NUMBER, low=NUMBER, high=NUMBER), {"type": "null"}]},
            )
        ),
        recent={"oneOf": [ref("Days"), {"type": "null"}]}, before={"oneOf": [ref("Days"), {"type": "null"}]},
    ),
    "Texts": thing(
        closed=True,
        texts=many(NAME | {"maxLength": MAX_TEXT}, minItems=1, maxItems=MOST_TEXTS),
    ),
    "Predictions": thing(
        model_version=WHOLE,
        predictions=many(thing(label=TEXT, scores={"type": "object", "additionalProperties": NUMBER})),
    ),
}  # fmt: skip
