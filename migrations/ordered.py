"""The one ordered set of migrations; each m000N file adds its step when it is imported."""

from sqlite_utils.migrations import Migrations

migrations = Migrations("winnow")
