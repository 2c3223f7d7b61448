"""What can go wrong in the learner; every message says what is wrong and what to do."""


class LearnerError(Exception):
    """Base of the learner's errors."""


class SettingsError(LearnerError):
    """Settings that no round can run with; `errors` holds one message per field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


class EncoderError(LearnerError):
    """An encoder that is missing, damaged, unsafe or out of reach."""


class NotEnoughLabels(LearnerError):
    """Too few labels to train on: none, of one class only, or fewer than classes."""


class TrainingDiverged(LearnerError):
    """Loss or features stopped being numbers: settings too bold for this data, or a damaged encoder."""


class AdaptingFailed(LearnerError):
    """Ratings that taught an encoder nothing."""


class Cancelled(LearnerError):
    """The caller asked for the work to stop; raised from inside its progress callback."""


class CheckpointError(LearnerError):
    """A checkpoint that is incomplete, altered or not ours."""


class ExportError(LearnerError):
    """A model that cannot be exported the way it was asked for."""
