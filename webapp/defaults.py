"""Default configuration; the instance's config.py, then WINNOW_* in the environment, then overrides are stronger."""

# Cookies travel over https only. `winnow run` on this machine's own address turns it off, for plain http.
COOKIE_SECURE = True

# Names this server answers to besides localhost, as in ["label.example.org"]; a leading dot takes all below it.
HOSTS: list[str] = []

# How many proxies of our own stand in front and set X-Forwarded-For and X-Forwarded-Proto. 0 trusts none.
PROXY_COUNT = 0

# A folder with htmx.min.js in it, for networks that cannot reach the CDN. It is checked against the same hash.
ASSETS = ""

# A worker whose work shows no sign of progress for so long is ended, and the work tried again; longer than any one
# step without a report, as the choice of a batch from millions. Work that goes on may take days.
WORK_LIMIT_MINUTES = 30

# A session ends after so many hours without a request, and after so many days however busy it was.
SESSION_IDLE_HOURS = 12
SESSION_DAYS = 14

# A password that somebody else has set is good for one login within so many hours; then one's own must follow.
TEMPORARY_PASSWORD_HOURS = 72

# A form is small; only the pages that take files raise their limit.
MAX_CONTENT_LENGTH = 1_000_000
MAX_UPLOAD_LENGTH = 4 * 1024**3
MAX_FORM_MEMORY_SIZE = 200_000
MAX_FORM_PARTS = 200

# The form's token lives as long as the session: annotators keep one page open for hours.
WTF_CSRF_TIME_LIMIT = None

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# The worker backs the instance up into its folder `backups` every so many hours; 0 turns it off. Kept are those of the
# last 24 hours, then the newest of each of so many days and of so many weeks.
BACKUP_EVERY_HOURS = 24
BACKUP_KEEP_DAILY = 7
BACKUP_KEEP_WEEKLY = 4

# Who may read /metrics: whoever sends this as a bearer token; without one, this machine itself.
METRICS_TOKEN = ""

# One line in the log for every request, without its query: what people search for stays out of it.
ACCESS_LOG = False

# What one token may ask of the HTTP API: ten requests a second, far above a person and a careful script.
API_REQUESTS_PER_MINUTE = 600

# How long a request waits for an import to end before it is told to ask again; proxies wait about as long.
API_IMPORT_WAIT_SECONDS = 50
