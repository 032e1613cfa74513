"""The one error for everything that a person gave and that does not fit."""


class OracleError(Exception):
    """A sentence that names the file, the field in it, what was found and what was expected."""
