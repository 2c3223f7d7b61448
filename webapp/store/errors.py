"""What can go wrong in the store; the web app gives each its status and words."""


class StoreError(Exception):
    """The root of the store's errors; the message says what is wrong and what to do."""


class UnsafeSQLite(StoreError):
    """The linked SQLite can lose commits when two processes write."""


class DatabaseUnusable(StoreError):
    """The database file is missing, empty, damaged or of another version."""


class InheritedConnection(StoreError):
    """A connection was carried into another process by a fork."""


class NotFound(StoreError):
    """No such row, or not one that this person may see."""


class NameTaken(StoreError):
    """Another row has this name already."""


class InvalidValue(StoreError):
    """A value outside what the field allows."""


class ChangedMeanwhile(StoreError):
    """Somebody else changed this since it was read."""


class LastAdmin(StoreError):
    """The last active admin cannot be disabled or demoted."""


class LeaseExpired(StoreError):
    """Another annotator may hold this review now."""


class LeaseNotYours(StoreError):
    """The lease belongs to somebody else."""


class AlreadyAnnotated(StoreError):
    """This person has answered this review already, with another answer."""


class UnknownLabel(StoreError):
    """The label is not in the project's label set."""


class RoundAlreadyOpen(StoreError):
    """The project has a round queued or running."""


class StillWorking(StoreError):
    """Long work relies on what is to be changed."""


class NothingToUndo(StoreError):
    """This person has no answer left to withdraw."""


class StaleToken(StoreError):
    """The work was given to another worker; this one may no longer publish."""


class KeyReused(StoreError):
    """The Idempotency-Key of another request."""
