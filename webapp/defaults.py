"""Default configuration; the instance's config.py, then WINNOW_* in the environment, then overrides are stronger."""

# Cookies travel over https only. `winnow run` on this machine's own address turns it off, for plain http.
COOKIE_SECURE = True

# Names this server answers to besides localhost, as in ["label.example.org"]; a leading dot takes all below it.
HOSTS: list[str] = []

# How many proxies of our own stand in front and set X-Forwarded-For and X-Forwarded-Proto. 0 trusts none.
PROXY_COUNT = 0

# A folder with htmx.min.js in it, for networks that cannot reach the CDN. It is checked against the same hash.
ASSETS = ""

# A form is small; only the pages that take files raise their limit.
MAX_CONTENT_LENGTH = 1_000_000
MAX_UPLOAD_LENGTH = 4 * 1024**3
MAX_FORM_MEMORY_SIZE = 200_000
MAX_FORM_PARTS = 200

# The form's token lives as long as the session: annotators keep one page open for hours.
WTF_CSRF_TIME_LIMIT = None

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# What one token may ask of the HTTP API: ten requests a second, far above a person and a careful script.
API_REQUESTS_PER_MINUTE = 600

# How long a request waits for an import to end before it is told to ask again; proxies wait about as long.
API_IMPORT_WAIT_SECONDS = 50
